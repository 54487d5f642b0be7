import { setTimeout as pause } from 'node:timers/promises'
import { revokeAccessTokensOf } from '../auth/access-tokens.ts'
import { isRefused, liftWithin, reinstate, revoke, subjectOf } from '../auth/revocations.ts'
import { type Database, type Row, type Session, statement, unprepared } from '../db/database.ts'
import { deactivateWebhooksOf, removeTasksOf } from '../tasks/owner.ts'

/** A user, for the operator. */
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
// In pages, because all users may not fit into memory.
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
// Ids of accounts are long and random. They are the whole value, or a text in JSON.
const removeVerifications = unprepared(
  `delete from duly.verification where exists (select from duly."user" where id = $1)
    and (value = $1 or position('"' || $1 || '"' in value) > 0)`,
)
// A disabled user must not delete the account, which would end the ban.
const markRemoved = unprepared(
  `update duly."user" set "disabledAt" = coalesce("disabledAt", now()), "removedAt" = now()
  where id = $1 and ($2::boolean or "disabledAt" is null or "removedAt" is not null) returning id`,
)
const unfinished = unprepared(
  `select id from duly."user" where "removedAt" < now() - interval '10 minutes' limit 100`,
)
const removeUserRow = unprepared('delete from duly."user" where id = $1')
const exists = statement('user_exists', 'select true from duly."user" where id = $1')

/** How long the tokens of a deleted user are rejected. No token should be valid for longer. */
const removedSeconds = 30 * 24 * 60 * 60

const foreignSeconds = 60
/** Longer than any replica accepts tokens without reading revocations. */
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

/** Whether an operator disabled the account of this address, even if it was deleted since. */
export async function isEmailDisabled(db: Session, email: string): Promise<boolean> {
  return isRefused(db, subjectOf('email', email))
}

/**
 * Rejects all sign-ins and tokens of a user until `enableUser`, and sign-ups with the email
 * address. Keeps tasks and tokens.
 */
export async function disableUser(db: Database, id: string): Promise<void> {
  await db.transaction(async session => {
    const [account] = await session.query(disable, [id])
    await session.query(endSessions, [id])
    await revoke(session, subjectsOf(id, account?.[0]), null)
  })
}

/** @returns false if the account is being deleted, and so stays disabled */
export async function enableUser(db: Database, id: string): Promise<boolean> {
  return db.transaction(async session => {
    const [account] = await session.query(enable, [id])
    if (!account && (await isAccount(session, id))) return false
    await reinstate(session, subjectsOf(id, account?.[0]))
    return true
  })
}

/** Allows sign-ups with the address of an account that was disabled and then deleted. */
export async function enableEmail(db: Database, email: string): Promise<void> {
  await reinstate(db, [subjectOf('email', email)])
}

function subjectsOf(id: string, email: string | null | undefined): string[] {
  return [subjectOf('user', id), ...(email == null ? [] : [subjectOf('email', email)])]
}

/**
 * Ends all sessions of a user with their tokens, and all sign-ins and resets in progress. Revokes
 * the personal access tokens and deactivates the webhooks by default.
 */
export async function signOutUser(db: Database, id: string, keepsTokens = false): Promise<void> {
  await db.transaction(async session => {
    // First, because it waits for tokens that are being created, and must not lock the revision of
    // revocations meanwhile.
    if (!keepsTokens) await revokeAccessTokensOf(session, id)
    await session.query(removeVerifications, [id])
    await session.query(endSessions, [id])
  })
  if (!keepsTokens) await deactivateWebhooksOf(db, id)
}

/** Revokes every personal access token of a user, and deactivates the webhooks. */
export async function revokeTokensOf(db: Database, id: string): Promise<void> {
  await db.transaction(session => revokeAccessTokensOf(session, id))
  await deactivateWebhooksOf(db, id)
}

/**
 * Deletes an account with its sessions, tokens and tasks. First all replicas reject the user. Then
 * the rows are deleted in batches, the account last. `finishRemovals` continues after an
 * interruption. A hash of the id remains, so that tokens stay rejected. Takes a second or more.
 * @param by only an operator can delete a disabled account
 * @returns false if it was not deleted, because it is disabled
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

/** Deletes tasks and tokens of another issuer's user, who can start again unless disabled. */
export async function removeForeignUser(db: Database, id: string): Promise<void> {
  await revoke(db, [subjectOf('user', id)], foreignSeconds)
  await pause(knownEverywhereMs)
  await removeAll(db, id)
  await liftWithin(db, [subjectOf('user', id)], foreignSeconds)
}

/** Continues interrupted removals. */
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
