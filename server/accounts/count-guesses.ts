import type { GenericEndpointContext } from '@better-auth/core'
import { getSessionFromCtx } from 'better-auth/api'
import { byCode, bySession, type Count } from './attempts.ts'
import type { Device } from './devices.ts'

type FindDevice = (userId: string) => Promise<Device | undefined>

/** A guess that Better Auth is about to check: at a password or, with a session, at a code. */
export interface Guess {
  readonly count: Count
  /** Whether a right guess is given back. */
  readonly isCode: boolean
}

/**
 * Whose password or code a request guesses. Found as Better Auth does, so that another spelling of
 * a cookie is not another count.
 */
export async function guessIn(
  ctx: GenericEndpointContext,
  findDevice: FindDevice,
): Promise<Guess | undefined> {
  const isCode = ctx.path.startsWith('/two-factor/verify-')
  const { password, currentPassword } = (ctx.body ?? {}) as Readonly<Record<string, unknown>>
  const isPassword = (password ?? currentPassword) !== undefined && !/^\/sign-(in|up)\//.test(ctx.path)
  if (!isCode && !isPassword) return undefined
  const session = await getSessionFromCtx(ctx)
  if (session) return { count: bySession(session.session.id), isCode: false }
  if (!isCode) return undefined
  const { name } = ctx.context.createAuthCookie('two_factor')
  const challenge = await ctx.getSignedCookie(name, ctx.context.secret)
  const user = challenge && (await ctx.context.internalAdapter.findVerificationValue(challenge))?.value
  return user ? { count: byCode(user, await findDevice(user)), isCode } : undefined
}
