import { setTimeout as pause } from 'node:timers/promises'
import { revokeAccessTokensOf } from '../auth/access-tokens.ts'
import { isRefused, liftWithin, reinstate, revoke, subjectOf } from '../auth/revocations.ts'
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
const findById = unprepared(`select ${columns} from duly."user" where id = $1`)
const findByEmail = unprepared(`select ${columns} from duly."user" where email = $1`)
const disable = unprepared(
  'update duly."user" set "disabledAt" = coalesce("disabledAt", now()) where id = $1 returning email',
)
const enable = unprepared(
  'update duly."user" set "disabledAt" = null where id = $1 and "removedAt" is null returning email',
)
const endSessions = unprepared('delete from duly.session where "userId" = $1')
// Of accounts alone, whose ids are long and random: as the whole value, or as a text in JSON.
const removeVerifications = unprepared(
  `delete from duly.verification where exists (select from duly."user" where id = $1)
    and (value = $1 or position('"' || $1 || '"' in value) > 0)`,
)
// A user who was disabled does not remove the account, and with it what keeps them out.
const markRemoved = unprepared(
  `update duly."user" set "disabledAt" = coalesce("disabledAt", now()), "removedAt" = now()
  where id = $1 and ($2::boolean or "disabledAt" is null or "removedAt" is not null) returning id`,
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

/** @param user an id, or an email address in its canonical form */
export async function findUser(
  db: Session,
  user: { id: string } | { email: string },
): Promise<User | undefined> {
  const [row] = await ('id' in user ? db.query(findById, [user.id]) : db.query(findByEmail, [user.email]))
  return row && userOf(row)
}

export async function isAccount(db: Session, userId: string): Promise<boolean> {
  return (await db.query(exists, [userId])).length > 0
}

/** Whether an operator has disabled the account of this address; true also after that account was removed. */
export async function isEmailDisabled(db: Session, email: string): Promise<boolean> {
  return isRefused(db, subjectOf('email', email))
}

/**
 * Refuses every sign-in and token of a user until `enableUser`, and sign-ups with their email address. Tasks and tokens are
 * kept.
 */
export async function disableUser(db: Database, id: string): Promise<void> {
  await db.transaction(async session => {
    const [account] = await session.query(disable, [id])
    await session.query(endSessions, [id])
    await revoke(session, subjectsOf(id, account?.[0]), null)
  })
}

/** @returns false where there is an account that is being removed, which stays disabled */
export async function enableUser(db: Database, id: string): Promise<boolean> {
  return db.transaction(async session => {
    const [account] = await session.query(enable, [id])
    if (!account && (await isAccount(session, id))) return false
    await reinstate(session, subjectsOf(id, account?.[0]))
    return true
  })
}

/** Allows sign-ups with the address of an account that was disabled and then removed. */
export async function enableEmail(db: Database, email: string): Promise<void> {
  await reinstate(db, [subjectOf('email', email)])
}

function subjectsOf(id: string, email: string | null | undefined): string[] {
  return [subjectOf('user', id), ...(email == null ? [] : [subjectOf('email', email)])]
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
 * Removes an account with its sessions, tokens and tasks. First every replica refuses the user; then the rows are removed in
 * portions, the account last. `finishRemovals` continues after an interruption. A hash of the id remains, so that tokens stay
 * refused. Takes a second and longer.
 * @param by who asks: a disabled account is removed by an operator alone
 * @returns false where it was not removed, because it is disabled
 */
export async function removeAccount(db: Database, id: string, by: 'user' | 'operator'): Promise<boolean> {
  const marked = await db.transaction(async session => {
    if ((await session.query(markRemoved, [id, by === 'operator'])).length === 0) return false
    await session.query(endSessions, [id])
    await revoke(session, [subjectOf('user', id)], removedSeconds)
    return true
  })
  if (!marked) return false
  await pause(knownEverywhereMs)
  await removeAll(db, id)
  return true
}

/** Removes the tasks and tokens of a user of another issuer, who may come back at once unless they are disabled. */
export async function removeForeignUser(db: Database, id: string): Promise<void> {
  await revoke(db, [subjectOf('user', id)], foreignSeconds)
  await pause(knownEverywhereMs)
  await removeAll(db, id)
  await liftWithin(db, [subjectOf('user', id)], foreignSeconds)
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
