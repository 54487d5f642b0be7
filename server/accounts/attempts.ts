import { createHash } from 'node:crypto'
import { type Session, statement } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { network } from '../limits/network.ts'

/** How many attempts at once, and how many seconds until there is one more. */
export interface Allowance {
  readonly burst: number
  readonly everySeconds: number
}

/** Attempts of one kind, counted under a key that tells nothing to who reads the table. */
export interface Count extends Allowance {
  readonly key: string
}

const perAddress: Allowance = { burst: 60, everySeconds: 5 }
const perAccount: Allowance = { burst: 50, everySeconds: 30 }
const perAccountAndAddress: Allowance = { burst: 5, everySeconds: 60 }
const perKnownDevice: Allowance = { burst: 10, everySeconds: 60 }
/** Each token that is revoked is remembered for two hours, by every replica. */
const perTokenOwner: Allowance = { burst: 200, everySeconds: 60 }
const perRecipient: Allowance = { burst: 10, everySeconds: 300 }
const perRecipientAndAddress: Allowance = { burst: 3, everySeconds: 300 }

export function byAddress(address: string): Count {
  return { ...perAddress, key: hashed('address', network(address)) }
}

/**
 * Guesses at one account: few from one address, and not many from all together. Whoever has signed in with this device
 * before is counted apart, so that the guesses of strangers keep nobody out for good (OWASP, device cookies).
 */
export function byAccount(email: string, address: string, device: string | undefined): readonly Count[] {
  if (device !== undefined) return [{ ...perKnownDevice, key: hashed('device', email, device) }]
  return [
    { ...perAccountAndAddress, key: hashed('account', email, network(address)) },
    { ...perAccount, key: hashed('account', email) },
  ]
}

/** Letters of one kind that anyone can have sent to an address of somebody else's. */
export function byRecipient(letter: string, email: string, address: string): readonly Count[] {
  return [
    { ...perRecipientAndAddress, key: hashed('letter', letter, email, network(address)) },
    { ...perRecipient, key: hashed('letter', letter, email) },
  ]
}

/** Personal access tokens that a user creates. */
export function byTokenOwner(userId: string): Count {
  return { ...perTokenOwner, key: hashed('tokens', userId) }
}

/** Guesses at the password of who is signed in, by whoever has their session. */
export function bySession(cookies: string): Count {
  return { ...perKnownDevice, key: hashed('session', cookies) }
}

// The generic cell rate algorithm (ITU-T I.371): of each key only the moment is kept at which it is as if nothing had been.
const take = statement(
  'attempts_take',
  `with taken as (
    insert into duly.attempts as kept (key, free_at) values ($1, now() + $3::float8 * interval '1 second')
    on conflict (key) do update set free_at = greatest(kept.free_at, now()) + $3 * interval '1 second'
    where greatest(kept.free_at, now()) <= now() + ($2::float8 - 1) * $3 * interval '1 second'
    returning key
  )
  select ceil(extract(epoch from free_at - now()) - ($2 - 1) * $3) from duly.attempts
  where key = $1 and not exists (select from taken)`,
)
const giveBack = statement(
  'attempts_give_back',
  `update duly.attempts set free_at = free_at - $2::float8 * interval '1 second' where key = $1`,
)

/**
 * Takes one of each, the nearest first: what one address is refused is not counted against everybody. One row at a time, so
 * that two of these never wait for each other.
 * @throws AppError `too_many_requests`, with the seconds until the next attempt, where there has been one too many.
 */
export async function takeAttempt(db: Session, counts: readonly Count[]): Promise<void> {
  for (const { key, burst, everySeconds } of counts) {
    const [row] = await db.query(take, [key, burst, everySeconds])
    if (row === undefined) continue
    const retryAfter = Math.max(1, Number(row[0]))
    throw new AppError('too_many_requests', `Too many attempts. Try again in ${retryAfter} s.`, {
      retryAfter,
    })
  }
}

/** For attempts that were none: the right password was given. */
export async function giveBackAttempt(db: Session, counts: readonly Count[]): Promise<void> {
  for (const { key, everySeconds } of counts) await db.query(giveBack, [key, everySeconds])
}

function hashed(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}
