import { tryGetCurrentAuthEndpointContext } from '@better-auth/core/context'
import { BASE_ERROR_CODES } from '@better-auth/core/error'
import type { BetterAuthOptions } from 'better-auth'
import { APIError } from 'better-auth/api'
import { sessionExists } from '../auth/sessions.ts'
import { type Session, statement, unprepared } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { RequestStates } from './request-state.ts'

/** Sessions of one user. A new one ends the oldest. */
const maxSessions = 100
const longestUserAgent = 256

const mayBegin = statement(
  'session_may_begin',
  `select "disabledAt", (select password from duly.account where "userId" = $1 and "providerId" = 'credential')
  from duly."user" where id = $1`,
)
const endOldest = unprepared(
  `delete from duly.session where "userId" = $1
    and id in (select id from duly.session where "userId" = $1 order by "createdAt" desc, id offset ${maxSessions})`,
)

type SessionHooks = NonNullable<NonNullable<BetterAuthOptions['databaseHooks']>['session']>

/** What Better Auth runs when it creates and deletes sessions. */
export function sessionHooks(db: Session, states: RequestStates) {
  return {
    delete: {
      before: async ({ userId }) => {
        states.note({ user: userId, endsSessions: true })
      },
    },
    create: {
      before: async ({ userId, userAgent }, ctx) => {
        const [row] = await states.sessionOf(db).query(mayBegin, [userId])
        const [disabledAt, password] = row ?? []
        if (disabledAt != null) throw userDisabled()
        const verified = states.current?.verified
        // The password was changed or reset while the old one was verified.
        if (ctx?.path === '/sign-in/email' && verified !== undefined && verified !== password)
          throw APIError.from('UNAUTHORIZED', BASE_ERROR_CODES.INVALID_EMAIL_OR_PASSWORD)
        const bearer = states.current?.caller?.isBearer ?? false
        return { data: { userAgent: userAgent?.slice(0, longestUserAgent), bearer } }
      },
      after: async ({ userId }) => {
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
