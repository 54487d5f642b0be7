import { type Session, statement, unprepared } from '../db/database.ts'

// Sessions of accounts, by their id, which is the `sid` of their tokens. A trigger revokes the
// tokens of a session that is deleted.

const exists = statement(
  'session_exists',
  'select true from duly.session where id = $1 and "expiresAt" > now()',
)
const end = unprepared('delete from duly.session where id = $1 and "userId" = $2')
const endBearers = unprepared('delete from duly.session where "userId" = $1 and bearer')

export async function sessionExists(db: Session, id: string): Promise<boolean> {
  return (await db.query(exists, [id])).length > 0
}

/** Ends a session of this user, with its tokens. */
export async function endSession(db: Session, id: string, userId: string): Promise<void> {
  await db.query(end, [id, userId])
}

/** Ends the sessions of a user whose clients hold a token instead of a cookie. */
export async function endBearerSessions(db: Session, userId: string): Promise<void> {
  await db.query(endBearers, [userId])
}
