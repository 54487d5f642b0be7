import { reinstate, revoke, subjectOf } from '../auth/revocations.ts'
import { type Database, type Session, statement, unprepared } from '../db/database.ts'
import { removeTasksOf } from '../tasks/owner.ts'

/** A user as the operator sees them. */
export interface User {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly createdAt: string
  readonly isVerified: boolean
  readonly disabledAt: string | null
}

const utc = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
const columns = `id, email, name, ${utc('"createdAt"')}, "emailVerified", ${utc('"disabledAt"')}`
// In pages: there may be more than fit into memory.
const page = unprepared(
  `select ${columns} from duly."user" where ("createdAt", id) > ($1::timestamptz, $2)
  order by "createdAt", id limit 500`,
)
const positionOf = unprepared('select "createdAt"::text from duly."user" where id = $1')
const find = unprepared(`select ${columns} from duly."user" where id = $1 or email = lower($1)`)
const disable = unprepared(
  'update duly."user" set "disabledAt" = coalesce("disabledAt", now()) where id = $1',
)
const enable = unprepared('update duly."user" set "disabledAt" = null where id = $1')
const endSessions = unprepared('delete from duly.session where "userId" = $1 returning id')
const removeVerifications = unprepared('delete from duly.verification where position($1 in value) > 0')
const removeAccessTokens = unprepared('delete from duly.access_tokens where user_id = $1 returning id')
const removeUserRow = unprepared('delete from duly."user" where id = $1')
const exists = statement('user_exists', 'select true from duly."user" where id = $1')

/** For how long the tokens of a user who is gone are refused: no longer than anyone should make them good for. */
export const removedSeconds = 30 * 24 * 60 * 60

/** Every user, oldest first. */
export async function* listUsers(db: Session): AsyncGenerator<User> {
  let after: [string, string] = ['-infinity', '']
  for (;;) {
    const rows = await db.query(page, after)
    for (const row of rows) yield userOf(row)
    const last = rows.at(-1)?.[0]
    if (last == null || rows.length < 500) return
    const [position] = await db.query(positionOf, [last])
    if (!position) return
    after = [String(position[0]), last]
  }
}

/** @param who an id or an e-mail address */
export async function findUser(db: Session, who: string): Promise<User | undefined> {
  const [row] = await db.query(find, [who])
  return row && userOf(row)
}

export async function isAccount(db: Session, userId: string): Promise<boolean> {
  return (await db.query(exists, [userId])).length > 0
}

/** Nobody signs in as this user, and all their tokens are refused, until `enableUser`. Tasks and tokens are kept. */
export async function disableUser(db: Database, id: string): Promise<void> {
  await db.transaction(async session => {
    await session.query(disable, [id])
    await revoke(session, [subjectOf('user', id)], null)
    await refuseSessions(session, id)
  })
}

export async function enableUser(db: Database, id: string): Promise<void> {
  await db.transaction(async session => {
    await session.query(enable, [id])
    await reinstate(session, [subjectOf('user', id)])
  })
}

/** Ends every session of a user, and with them what tokens came from them. Personal access tokens stay good. */
export async function signOutUser(db: Database, id: string): Promise<void> {
  await db.transaction(session => refuseSessions(session, id))
}

/**
 * Removes all that there is of a user, whether they have an account here or come from another issuer: account, sessions,
 * tokens, tasks. Only hashes remain, for as long as they keep what was handed out before from being accepted.
 */
export async function removeUser(db: Database, id: string): Promise<void> {
  await db.transaction(async session => {
    const account = await isAccount(session, id)
    const tokens = await session.query(removeAccessTokens, [id])
    const subjects = tokens.map(([token]) => subjectOf('token', String(token)))
    if (subjects.length > 0) await revoke(session, subjects)
    // Another issuer's user may come back at once; an account of ours never has the same id again.
    if (account) await revoke(session, [subjectOf('user', id)], removedSeconds)
    await refuseSessions(session, id)
    await removeTasksOf(session, id)
    await session.query(removeVerifications, [id])
    await session.query(removeUserRow, [id])
  })
}

async function refuseSessions(session: Session, userId: string): Promise<void> {
  const ended = await session.query(endSessions, [userId])
  if (ended.length > 0)
    await revoke(
      session,
      ended.map(([id]) => subjectOf('session', String(id))),
    )
}

function userOf([id, email, name, createdAt, verified, disabledAt]: readonly (string | null)[]): User {
  return {
    id: String(id),
    email: String(email),
    name: String(name),
    createdAt: String(createdAt),
    isVerified: verified === 't',
    disabledAt: disabledAt ?? null,
  }
}
