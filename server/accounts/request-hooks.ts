import { APIError, createAuthMiddleware } from 'better-auth/api'
import { deleteSessionCookie } from 'better-auth/cookies'
import type { Session } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { takeAttempt } from './attempts.ts'
import { guessIn } from './count-guesses.ts'
import type { devices } from './devices.ts'
import type { RequestStates } from './request-state.ts'

/** What Better Auth runs before and after each request. */
export function requestHooks(
  db: Session,
  states: RequestStates,
  knownDevices: Pick<ReturnType<typeof devices>, 'find'>,
) {
  return {
    // Guesses are counted before they are checked, in the database. So parallel guesses on all
    // replicas stay within the limit.
    before: createAuthMiddleware(async ctx => {
      const state = states.current
      if (!state) return
      const guess = await guessIn(ctx, userId => knownDevices.find(state.caller?.cookies, { userId }))
      if (!guess) return
      await takeAttempt(db, [guess.count]).catch(error => {
        if (error instanceof AppError) states.note({ error })
        throw new APIError('TOO_MANY_REQUESTS')
      })
      if (guess.isCode) states.note({ code: guess })
    }),
    after: createAuthMiddleware(async ctx => {
      const { newSession, session } = ctx.context
      const id = newSession?.user.id ?? session?.user.id
      if (id !== undefined) states.note({ user: id })
      // Better Auth signs in a user who confirms an address, without two-factor authentication. A
      // reader of the emails would need neither password nor code. So such a session ends here, and
      // the user signs in as usual.
      if (ctx.path !== '/verify-email' || session || !newSession?.user.twoFactorEnabled) return
      deleteSessionCookie(ctx, true)
      await ctx.context.internalAdapter.deleteSession(newSession.session.token)
      ctx.context.setNewSession(null)
    }),
  }
}
