import { createHash } from 'node:crypto'
import { type Session, statement } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { network } from '../limits/network.ts'
import type { Device } from './devices.ts'

/** How many attempts at once, and how many seconds until there is one more. */
interface Allowance {
  readonly burst: number
  readonly everySeconds: number
}

/** Attempts of one kind, counted under a hash, so that the table contains no names. */
export interface Count extends Allowance {
  readonly key: string
  /** Beyond the limit, the answer is the same, but no email is sent. */
  readonly quiet?: true
}

const perAddress: Allowance = { burst: 60, everySeconds: 5 }
const perAccount: Allowance = { burst: 50, everySeconds: 30 }
const perAccountAndAddress: Allowance = { burst: 5, everySeconds: 60 }
const perKnownDevice: Allowance = { burst: 10, everySeconds: 60 }
const perSession: Allowance = { burst: 10, everySeconds: 60 }
/**
 * Codes after the right password: 10, then 12 an hour. NIST SP 800-63B, 5.2.2, requires a limit.
 */
const perCode: Allowance = { burst: 10, everySeconds: 300 }
/** Each token that is revoked is remembered for two hours, by every replica. */
const perTokenOwner: Allowance = { burst: 200, everySeconds: 60 }
const perRecipient: Allowance = { burst: 10, everySeconds: 300 }
/** Shorter than the hour for which a link is valid, so the last email sent has a valid link. */
const perResetRecipient: Allowance = { burst: 20, everySeconds: 300 }
const perRecipientAndAddress: Allowance = { burst: 3, everySeconds: 300 }
const perSignIn: Allowance = { burst: 30, everySeconds: 10 }
const perAddressSignIn: Allowance = { burst: 240, everySeconds: 1 }

export function byAddress(address: string): Count {
  return { ...perAddress, key: hashed('address', network(address)) }
}

/**
 * Guesses at one account: few from one address, and a limited number from all together. A browser
 * that has signed in before is counted by itself, so that guesses of others do not lock it out.
 */
export function byAccount(email: string, address: string, device: Device | undefined): readonly Count[] {
  if (device) return [{ ...perKnownDevice, key: hashed('device', device.userId, device.id) }]
  return [
    { ...perAccountAndAddress, key: hashed('account', email, network(address)) },
    byAddress(address),
    { ...perAccount, key: hashed('account', email) },
  ]
}

/** Sign-ins, right or wrong: each costs a password hash. Never given back. */
export function bySignIn(email: string, address: string, device: Device | undefined): readonly Count[] {
  if (device) return [{ ...perSignIn, key: hashed('sign-in', device.userId, device.id) }]
  return [
    { ...perSignIn, key: hashed('sign-in', email, network(address)) },
    { ...perAddressSignIn, key: hashed('sign-in', network(address)) },
  ]
}

/** Emails of one kind to one address. */
export function byRecipient(kind: string, email: string, address: string): readonly Count[] {
  return [
    { ...perRecipientAndAddress, key: hashed('email', kind, email, network(address)) },
    byAddress(address),
    { ...perRecipient, key: hashed('email', kind, email) },
  ]
}

/**
 * Emails with a link that proves who reads them. Requests of others must not use these up: when
 * there have been too many from everywhere, the answer is the same and the last email's link is
 * still valid. A known browser has an allowance of its own.
 */
export function byProof(
  kind: string,
  email: string,
  address: string,
  device: Device | undefined,
): readonly Count[] {
  if (device) return [{ ...perRecipientAndAddress, key: hashed('email', kind, device.userId, device.id) }]
  return [
    { ...perRecipientAndAddress, key: hashed('email', kind, email, network(address)) },
    byAddress(address),
    { ...perResetRecipient, key: hashed('email', kind, email), quiet: true },
  ]
}

/** Guesses at the password of a signed-in user, by the holder of their session. */
export function bySession(sessionId: string): Count {
  return { ...perSession, key: hashed('session', sessionId) }
}

/** Guesses at codes of two-factor authentication, of every kind together. */
export function byCode(userId: string, device: Device | undefined): Count {
  if (device) return { ...perKnownDevice, key: hashed('code', userId, device.id) }
  return { ...perCode, key: hashed('code', userId) }
}

/** Personal access tokens that a user creates. */
export function byTokenOwner(userId: string): Count {
  return { ...perTokenOwner, key: hashed('tokens', userId) }
}

// The generic cell rate algorithm (ITU-T I.371) stores one time per key: when its full allowance is
// available again.
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
 * Takes one of each count before anything is checked. The narrowest count comes first, so that
 * rejected attempts of one address do not use up the common count. One row at a time, so that two
 * calls never deadlock.
 * @returns whether a quiet count was exceeded
 * @throws AppError `too_many_requests`, with the seconds until the next attempt, if another count
 * was exceeded
 */
export async function takeAttempt(db: Session, counts: readonly Count[]): Promise<boolean> {
  let isQuiet = false
  for (const { key, burst, everySeconds, quiet } of counts) {
    const [row] = await db.query(take, [key, burst, everySeconds])
    if (row === undefined) continue
    isQuiet = true
    if (quiet) continue
    const retryAfter = Math.max(1, Number(row[0]))
    throw new AppError('too_many_requests', `Too many attempts. Try again in ${retryAfter} s.`, {
      retryAfter,
    })
  }
  return isQuiet
}

/** Gives attempts back, because the password or code was right. */
export async function giveBackAttempt(db: Session, counts: readonly Count[]): Promise<void> {
  for (const { key, everySeconds } of counts) await db.query(giveBack, [key, everySeconds])
}

function hashed(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}
