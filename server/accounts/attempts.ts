import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { type Session, statement, unprepared } from '../db/database.ts'
import { AppError } from '../errors.ts'

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
const perRecipient: Allowance = { burst: 3, everySeconds: 300 }

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

/** Letters that anyone can have sent to an address of somebody else's. */
export function byRecipient(email: string): Count {
  return { ...perRecipient, key: hashed('letter', email) }
}

// The generic cell rate algorithm (ITU-T I.371): of each key only the moment is kept at which it is as if nothing had been.
// In the order of the keys, so that two of these never wait for each other.
const take = statement(
  'attempts_take',
  `with wanted as (
    select * from unnest($1::text[], $2::float8[], $3::float8[]) as wanted (key, burst, every) order by key
  ), taken as (
    insert into duly.attempts as kept (key, free_at)
    select key, now() + every * interval '1 second' from wanted
    on conflict (key) do update set free_at = greatest(kept.free_at, now()) + (excluded.free_at - now())
    where greatest(kept.free_at, now()) <= now()
      + (select (burst - 1) * every from wanted where wanted.key = kept.key) * interval '1 second'
    returning key
  )
  select ceil(max(extract(epoch from kept.free_at - now()) - (burst - 1) * every)) from wanted
    join duly.attempts as kept using (key) where key not in (select key from taken)`,
)
const giveBack = unprepared(
  `update duly.attempts as kept set free_at = kept.free_at - every * interval '1 second'
  from unnest($1::text[], $2::float8[]) as given (key, every) where kept.key = given.key`,
)

/** @throws AppError `too_many_requests`, with the seconds until the next attempt, where there has been one too many. */
export async function takeAttempt(db: Session, counts: readonly Count[]): Promise<void> {
  const [row] = await db.query(take, [
    counts.map(({ key }) => key),
    counts.map(({ burst }) => burst),
    counts.map(({ everySeconds }) => everySeconds),
  ])
  if (row?.[0] == null) return
  const retryAfter = Math.max(1, Number(row[0]))
  throw new AppError('too_many_requests', `Too many attempts. Try again in ${retryAfter} s.`, { retryAfter })
}

/** For attempts that were none: the right password was given. */
export async function giveBackAttempt(db: Session, counts: readonly Count[]): Promise<void> {
  await db.query(giveBack, [counts.map(({ key }) => key), counts.map(({ everySeconds }) => everySeconds)])
}

function hashed(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}

/** An IPv6 customer has at least a /64 to choose addresses from (RFC 6177); an IPv4 one has the address. */
export function network(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address
  const { hostname } = new URL(`http://[${address.replace(/%.*$/, '')}]`)
  const [head = '', tail = ''] = hostname.slice(1, -1).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return [...left, ...zeros, ...right].slice(0, 4).join(':')
}
