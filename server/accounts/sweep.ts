import { keptSeconds } from '../auth/own-keys.ts'
import { type Session, unprepared } from '../db/database.ts'

const expired = [
  'delete from duly.session where "expiresAt" < now()',
  'delete from duly.verification where "expiresAt" < now()',
  `delete from duly.jwks where "expiresAt" < now() - interval '${keptSeconds} seconds'`,
  'delete from duly.access_tokens where expires_at < now()',
  'delete from duly.revocations where expires_at < now()',
  'delete from duly.attempts where free_at < now()',
].map(unprepared)

/** Deletes expired sessions, links of emails, keys, tokens, revocations and counts of attempts. */
export async function sweepAccounts(db: Session): Promise<void> {
  for (const statement of expired) await db.query(statement)
}
