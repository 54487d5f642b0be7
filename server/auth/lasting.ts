import { type Guard, unprepared } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Grant } from './grant.ts'

const isRevoked = unprepared(
  `select from duly.revocations
  where subject = any($1::text[]) and refused and (expires_at is null or expires_at > now()) limit 1`,
)

/**
 * The guard of a write whose effect outlasts the session or token that makes it, such as another
 * token: also a revocation of the last second, which this replica may not know, refuses it.
 */
export const lasting = (grant: Grant): Guard => ({
  async check(session) {
    await grant.check(session)
    if (!session || grant.subjects.length === 0) return
    if ((await session.query(isRevoked, [grant.subjects])).length === 0) return
    throw new AppError('token_invalid', 'The token is invalid.')
  },
})
