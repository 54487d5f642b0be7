import { type Guard, unprepared } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Grant } from './grant.ts'

const isRevoked = unprepared(
  `select from duly.revocations
  where subject = any($1::text[]) and refused and (expires_at is null or expires_at > now()) limit 1`,
)

/**
 * The guard of a write whose effect outlasts the caller's session or token, such as a new token. It
 * also rejects the write after a revocation that this replica does not know yet.
 */
export const lasting = (grant: Grant): Guard => ({
  async check(session) {
    await grant.check(session)
    if (!session || grant.subjects.length === 0) return
    if ((await session.query(isRevoked, [grant.subjects])).length === 0) return
    throw new AppError('token_invalid', 'The token is invalid.')
  },
})
