import { type Guard, unprepared } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Grant } from './grant.ts'

const key = `hashtextextended('duly tokens ' || $1, 0)`
/**
 * Held until the transaction ends by the creation of a token, whose maximum it protects, and by the
 * revocation of all that a user has created.
 */
export const lockLasting = unprepared(`select pg_advisory_xact_lock(${key})`)
const shareLock = unprepared(`select pg_advisory_xact_lock_shared(${key})`)
const isRevoked = unprepared(
  `select from duly.revocations
  where subject = any($1::text[]) and refused and (expires_at is null or expires_at > now()) limit 1`,
)

/**
 * The guard of a write whose effect outlasts the caller's session or token, such as a new token. It
 * also rejects the write after a revocation that this replica does not know yet. A revocation of
 * everything waits for the write to commit, so that it finds what was written.
 */
export const lasting = (grant: Grant): Guard => ({
  async check(session) {
    await grant.check(session)
    if (!session || grant.subjects.length === 0) return
    // Two statements: one that waited for the lock would not see what was committed meanwhile.
    await session.query(shareLock, [grant.identity.userId])
    if ((await session.query(isRevoked, [grant.subjects])).length === 0) return
    throw new AppError('token_invalid', 'The token is invalid.')
  },
})
