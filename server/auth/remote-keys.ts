import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { publicKeyAlgorithms } from '../config/algorithms.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { canonical, type Jwt, keyFits } from './jwt.ts'

const pauseMs = 30_000
const staleMs = 10 * 60_000
const timeoutMs = 5000
const maxBytes = 256 * 1024

interface RemoteKey {
  readonly kid: string | undefined
  readonly alg: string | undefined
  readonly key: KeyObject
}

interface RemoteKeysOptions {
  readonly url: URL
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/**
 * The public keys of another issuer, as a JWK Set (RFC 7517). They are fetched at the first use,
 * once for all waiting requests; for an unknown `kid`, at most twice a minute; and in the
 * background when they are ten minutes old. While the issuer is down, the last keys stay in use.
 */
export class RemoteKeys {
  readonly #options: RemoteKeysOptions
  readonly #now: () => number
  #keys: readonly RemoteKey[] | undefined
  #held: ReadonlySet<KeyObject> = new Set()
  #triedAt = Number.NEGATIVE_INFINITY
  #fetching: Promise<void> | undefined

  constructor(options: RemoteKeysOptions) {
    this.#options = options
    this.#now = options.now ?? (() => Date.now())
  }

  /**
   * The keys that may have signed this token. No promise if they are known.
   * @throws AppError `keys_away` if no keys have been fetched yet
   */
  find(jwt: Jwt): readonly KeyObject[] | Promise<readonly KeyObject[]> {
    const known = this.#fitting(jwt)
    const age = this.#now() - this.#triedAt
    if (known.length > 0) {
      if (age > staleMs) void this.#fetchOnce()
      return known
    }
    if (!this.#fetching && age < pauseMs) return this.#knownOrAway(known)
    return this.#fetchOnce().then(() => this.#knownOrAway(this.#fitting(jwt)))
  }

  /**
   * Whether the issuer still publishes this key of `find`, under the same `kid` and for the same
   * algorithm. Also refreshes the keys in time if all tokens are known already.
   */
  holds(key: KeyObject): boolean {
    if (this.#now() - this.#triedAt > staleMs) void this.#fetchOnce()
    return this.#held.has(key)
  }

  #fitting({ alg, kid }: Jwt): KeyObject[] {
    return (this.#keys ?? [])
      .filter(known => kid === undefined || known.kid === undefined || known.kid === kid)
      .filter(
        known =>
          (known.alg === undefined || canonical(known.alg) === canonical(alg)) && keyFits(known.key, alg),
      )
      .map(known => known.key)
  }

  #knownOrAway(found: readonly KeyObject[]): readonly KeyObject[] {
    if (this.#keys) return found
    throw new AppError('keys_away', 'Tokens cannot be checked right now. Please try again shortly.', {
      retryAfter: 5,
    })
  }

  /** Keys in both sets keep their object, which verified tokens refer to. Others are dropped. */
  #replace(keys: readonly RemoteKey[]): void {
    this.#keys = keys.map(key => this.#keys?.find(known => isSame(known, key)) ?? key)
    this.#held = new Set(this.#keys.map(({ key }) => key))
  }

  #fetchOnce(): Promise<void> {
    this.#triedAt = this.#fetching ? this.#triedAt : this.#now()
    this.#fetching ??= fetchKeys(this.#options.url)
      .then(
        keys => this.#replace(keys),
        error =>
          this.#options.log.warn(
            { err: error },
            `the keys at ${this.#options.url.origin} could not be fetched`,
          ),
      )
      .finally(() => {
        this.#fetching = undefined
      })
    return this.#fetching
  }
}

/** Whether two entries of a key set are equal. */
function isSame(a: RemoteKey, b: RemoteKey): boolean {
  return a.kid === b.kid && a.alg === b.alg && a.key.equals(b.key)
}

async function fetchKeys(url: URL): Promise<RemoteKey[]> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (!response.ok) throw new Error(`the issuer answered with ${response.status}`)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > maxBytes) throw new Error('the issuer sent more than 256 KiB')
    chunks.push(chunk)
  }
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  const list = typeof body === 'object' && body !== null && 'keys' in body ? body.keys : undefined
  if (!Array.isArray(list)) throw new Error('the issuer sent no JWK Set')
  const keys = list.flatMap(readKey)
  // An empty set is accepted. A set whose keys are all unreadable is not.
  if (keys.length === 0 && list.length > 0) throw new Error('the issuer sent no key that can be read')
  return keys
}

// Keys of an unknown kind are ignored (RFC 7517, 5).
function readKey(jwk: unknown): RemoteKey[] {
  if (typeof jwk !== 'object' || jwk === null) return []
  const { kid, alg, use, kty, d } = jwk as Record<string, unknown>
  if (kty === 'oct' || d !== undefined || (use !== undefined && use !== 'sig')) return []
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    if (!publicKeyAlgorithms.some(known => keyFits(key, known))) return []
    return [{ kid: textOrNothing(kid), alg: textOrNothing(alg), key }]
  } catch {
    return []
  }
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
