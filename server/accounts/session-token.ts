import { type JwtOptions, resolveSigningKey } from 'better-auth/plugins/jwt'
import { AppError } from '../errors.ts'

export interface SessionToken {
  readonly token: string
  readonly userId: string
  /** Seconds. */
  readonly expiresIn: number
  /** ISO 8601 in UTC. */
  readonly expiresAt: string
}

/** The parts of a session that its token depends on. */
interface TokenSubject {
  readonly id: string
  readonly userId: string
  readonly expiresAt: Date
}

type Key = NonNullable<Awaited<ReturnType<typeof resolveSigningKey>>>

/**
 * Signs a token that is valid as long as its session, for clients that never refresh it.
 * @param context of Better Auth
 */
export async function signSessionToken(
  context: object,
  options: JwtOptions,
  { id, userId, expiresAt }: TokenSubject,
): Promise<SessionToken> {
  // It uses only this part of a request's context.
  const key = await resolveSigningKey({ context } as Parameters<typeof resolveSigningKey>[0], options)
  if (!key) throw new Error('Better Auth has no signing key.')
  const iat = Math.floor(Date.now() / 1000)
  const exp = Math.floor(expiresAt.getTime() / 1000)
  const { issuer: iss, audience: aud } = options.jwt ?? {}
  return {
    token: await sign({ sub: userId, sid: id, iat, exp, iss, aud }, key),
    userId,
    expiresIn: exp - iat,
    expiresAt: new Date(exp * 1000).toISOString(),
  }
}

async function sign(claims: object, { alg, kid, privateKey }: Key): Promise<string> {
  if (alg !== 'EdDSA' || privateKey instanceof Uint8Array)
    throw new AppError('internal', `Tokens cannot be signed with ${alg}.`)
  const signed = `${base64url(JSON.stringify({ alg, kid }))}.${base64url(plainJson(claims))}`
  const signature = await crypto.subtle.sign('Ed25519', privateKey, Buffer.from(signed))
  return `${signed}.${Buffer.from(signature).toString('base64url')}`
}

/**
 * JSON whose base64url has neither `-` nor `_`, because front ends decode it with `atob`. These two
 * stand for the six bits 62 and 63. The first three digits of a group reach them only with bytes
 * above 127. The fourth is the low six bits of a byte: 62 for `>` and `~`, 63 for `?` and DEL.
 */
export function plainJson(value: object): string {
  return JSON.stringify(value).replaceAll(
    /[>?~\x7f-\uffff]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
