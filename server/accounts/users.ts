import { setTimeout as pause } from 'node:timers/promises'
import { revokeAccessTokensOf } from '../auth/access-tokens.ts'
import { reinstate, revoke, subjectOf } from '../auth/revocations.ts'
import { type Database, type Row, type Session, statement, unprepared } from '../db/database.ts'
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
  `select ${columns}, "createdAt"::text from duly."user" where ("createdAt", id) > ($1::timestamptz, $2)
  order by "createdAt", id limit 500`,
)
const find = unprepared(`select ${columns} from duly."user" where id = $1 or email = lower($1)`)
const disable = unprepared(
  'update duly."user" set "disabledAt" = coalesce("disabledAt", now()) where id = $1',
)
const enable = unprepared('update duly."user" set "disabledAt" = null where id = $1')
const endSessions = unprepared('delete from duly.session where "userId" = $1')
// Of accounts alone, whose ids are long and random: as the whole value, or as a text in JSON.
const removeVerifications = unprepared(
  `delete from duly.verification where exists (select from duly."user" where id = $1)
    and (value = $1 or position('"' || $1 || '"' in value) > 0)`,
)
const markRemoved = unprepared(
  'update duly."user" set "disabledAt" = coalesce("disabledAt", now()), "removedAt" = now() where id = $1',
)
const unfinished = unprepared(
  `select id from duly."user" where "removedAt" < now() - interval '10 minutes' limit 100`,
)
const removeUserRow = unprepared('delete from duly."user" where id = $1')
const exists = statement('user_exists', 'select true from duly."user" where id = $1')

/** For how long the tokens of a user who is gone are refused: no longer than anyone should make them good for. */
const removedSeconds = 30 * 24 * 60 * 60

const foreignSeconds = 60
/** Longer than any replica goes on without a look at what was revoked. */
const knownEverywhereMs = 1200

/** Every user, oldest first. */
export async function* listUsers(db: Session): AsyncGenerator<User> {
  let after: Row = ['', '-infinity']
  for (;;) {
    const rows: readonly Row[] = await db.query(page, [String(after.at(-1)), String(after[0])])
    for (const row of rows) yield userOf(row)
    const last = rows.at(-1)
    if (!last || rows.length < 500) return
    after = last
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
    await session.query(endSessions, [id])
    await revoke(session, [subjectOf('user', id)], null)
  })
}

export async function enableUser(db: Database, id: string): Promise<void> {
  await db.transaction(async session => {
    await session.query(enable, [id])
    await reinstate(session, [subjectOf('user', id)])
  })
}

/**
 * Ends every session of a user with its tokens, every sign-in and reset that is under way, and, unless told otherwise, revokes their
 * personal access tokens.
 */
export async function signOutUser(db: Database, id: string, keepsTokens = false): Promise<void> {
  await db.transaction(async session => {
    // First, since it waits for tokens that are being created: the revision of revocations is held by nobody meanwhile.
    if (!keepsTokens) await revokeAccessTokensOf(session, id)
    await session.query(removeVerifications, [id])
    await session.query(endSessions, [id])
  })
}

/** Revokes every personal access token of a user. */
export async function revokeTokensOf(db: Database, id: string): Promise<void> {
  await db.transaction(session => revokeAccessTokensOf(session, id))
}

/**
 * Removes all that there is of a user, whether they have an account here or come from another issuer: account, sessions,
 * tokens, tasks. First nobody is them any more; then, once every replica knows that, all is removed, some at a time, and the account last:
 * what is interrupted is gone on with by `finishRemovals`. Only a hash remains, which keeps what was handed out from being accepted.
 * Takes a second and longer.
 */
export async function removeUser(db: Database, id: string): Promise<void> {
  const account = await isAccount(db, id)
  await db.transaction(async session => {
    if (account) await session.query(markRemoved, [id])
    await session.query(endSessions, [id])
    // Another issuer's user may come back at once; an account of ours never has the same id again.
    await revoke(session, [subjectOf('user', id)], account ? removedSeconds : foreignSeconds)
  })
  await pause(knownEverywhereMs)
  await removeAll(db, id)
  if (!account) await reinstate(db, [subjectOf('user', id)])
}

/** Goes on where a removal was interrupted. */
export async function finishRemovals(db: Database): Promise<void> {
  for (const [id] of await db.query(unfinished)) await removeAll(db, String(id))
}

async function removeAll(db: Database, id: string): Promise<void> {
  await removeTasksOf(db, id)
  await db.transaction(session => revokeAccessTokensOf(session, id))
  await db.query(removeVerifications, [id])
  await db.query(removeUserRow, [id])
}

function userOf([id, email, name, createdAt, verified, disabledAt]: Row): User {
  return {
    id: String(id),
    email: String(email),
    name: String(name),
    createdAt: String(createdAt),
    isVerified: verified === 't',
    disabledAt: disabledAt ?? null,
  }
}
