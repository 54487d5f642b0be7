import { tryGetCurrentAuthEndpointContext } from '@better-auth/core/context'
import { BASE_ERROR_CODES } from '@better-auth/core/error'
import type { BetterAuthOptions } from 'better-auth'
import { APIError } from 'better-auth/api'
import { endSession, sessionExists } from '../auth/sessions.ts'
import { type Session, statement, unprepared } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { RequestStates } from './request-state.ts'

/** Sessions of one user. A new one ends the oldest. */
const maxSessions = 100
const longestUserAgent = 256

// The row is locked, so a transaction that disables the user is waited for.
const readAllowed = statement(
  'session_is_allowed',
  `select "disabledAt", (select password from duly.account where "userId" = $1 and "providerId" = 'credential')
  from duly."user" where id = $1 for share`,
)
const endOldest = unprepared(
  `delete from duly.session where "userId" = $1
    and id in (select id from duly.session where "userId" = $1 order by "createdAt" desc, id offset ${maxSessions})`,
)

type SessionHooks = NonNullable<NonNullable<BetterAuthOptions['databaseHooks']>['session']>

/** What Better Auth runs when it creates and deletes sessions. */
export function sessionHooks(db: Session, states: RequestStates) {
  /** Throws if the user is disabled, or the password was changed while the old one was verified. */
  const requireAllowed = async (userId: string, path: string | undefined) => {
    const [row] = await states.sessionOf(db).query(readAllowed, [userId])
    const [disabledAt, password] = row ?? []
    if (disabledAt != null) throw userDisabled()
    const verified = states.current?.verified
    if (path === '/sign-in/email' && verified !== undefined && verified !== password)
      throw APIError.from('UNAUTHORIZED', BASE_ERROR_CODES.INVALID_EMAIL_OR_PASSWORD)
  }
  return {
    delete: {
      before: async ({ userId }) => {
        states.note({ user: userId, endsSessions: true })
      },
    },
    create: {
      before: async ({ userId, userAgent }, ctx) => {
        await requireAllowed(userId, ctx?.path)
        const bearer = states.current?.caller?.isBearer ?? false
        return { data: { userAgent: userAgent?.slice(0, longestUserAgent), bearer } }
      },
      after: async ({ id, userId }, ctx) => {
        // The session is committed. A reset and a ban change what is read here before they end the
        // sessions: this one ends with the others, or here.
        await requireAllowed(userId, ctx?.path).catch(async error => {
          await endSession(states.sessionOf(db), id, userId)
          throw error
        })
        await states.sessionOf(db).query(endOldest, [userId])
      },
    },
  } satisfies SessionHooks
}

/**
 * Checks that the session of the request still exists. Hashing a password takes time, and longer in
 * a queue: a session that ended meanwhile must not change anything.
 * @throws AppError `token_invalid`
 */
export async function requireSession(db: Session, states: RequestStates): Promise<void> {
  const id: unknown = tryGetCurrentAuthEndpointContext()?.context.session?.session.id
  if (typeof id !== 'string' || states.current?.endsSessions) return
  if (!(await sessionExists(db, id)))
    throw new AppError('token_invalid', 'Your session has ended. Sign in again.')
}

export function userDisabled(): APIError {
  return new APIError('FORBIDDEN', { code: 'USER_DISABLED', message: 'This account is disabled.' })
}
