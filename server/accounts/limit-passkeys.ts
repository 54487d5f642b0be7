import { APIError } from 'better-auth/api'
import { type Session, unprepared } from '../db/database.ts'

const maxPasskeys = 50
const countPasskeys = unprepared('select count(*) from duly.passkey where "userId" = $1')

/** @throws APIError if the user has the maximum number of passkeys */
export async function limitPasskeys(db: Session, userId: string): Promise<void> {
  const [row] = await db.query(countPasskeys, [userId])
  if (Number(row?.[0]) < maxPasskeys) return
  const message = `You have ${maxPasskeys} passkeys. Delete one first.`
  throw new APIError('CONFLICT', { code: 'TOO_MANY_PASSKEYS', message })
}
