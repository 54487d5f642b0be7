import { DulyError, type Problem } from './errors.ts'

export interface ConnectOptions {
  /** Where the server is: `https://tasks.example.com`. */
  readonly url: string | URL
  /** The bearer token, or what gives the current one. A function is asked anew after a 401. */
  readonly token: string | (() => string | Promise<string>)
  /** Attempts at most, the first one included (default 5). */
  readonly attempts?: number
  /** Milliseconds for one attempt (default 30,000). */
  readonly timeout?: number
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch
}

export interface CallOptions {
  /** Ends the call, and the waiting between its attempts. */
  readonly signal?: AbortSignal
}

export interface Call extends CallOptions {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
}

// What may pass by itself. A write is repeated as well: its Idempotency-Key keeps it from being done twice.
const passing = new Set([429, 502, 503, 504])
const backoff = { firstMs: 200, mostMs: 10_000 }

/** Sends calls, and sends them again where that may help. */
export class Transport {
  readonly #options: ConnectOptions

  constructor(options: ConnectOptions) {
    this.#options = options
  }

  /**
   * The answer's JSON, undefined where it has no body.
   * @throws DulyError for a refusal; what `fetch` throws, where the last attempt got no whole answer.
   */
  async send<T>(call: Call): Promise<T> {
    const { token, attempts = 5 } = this.#options
    const address = this.#addressOf(call)
    let renewed = false
    for (let attempt = 1; ; attempt += 1) {
      call.signal?.throwIfAborted()
      const bearer = typeof token === 'function' ? await token() : token
      const last = attempt >= attempts
      const outcome = await this.#attempt(call, address, bearer).catch((error: unknown) => {
        if (last || call.signal?.aborted) throw error
        return undefined
      })
      if (outcome?.response.ok) return read(outcome.text) as T
      let wait = backoff.firstMs * 2 ** (attempt - 1)
      if (outcome) {
        const { response, text } = outcome
        const renewable: boolean = response.status === 401 && typeof token === 'function' && !renewed
        if (last || !(renewable || passing.has(response.status))) throw refusal(response, text)
        renewed ||= renewable
        wait = renewable ? 0 : (retryAfterMs(response) ?? wait)
      }
      await pause(jittered(wait), call.signal)
    }
  }

  #addressOf({ path, query = {} }: Call): URL {
    const address = new URL(String(this.#options.url).replace(/\/+$/, '') + path)
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) address.searchParams.set(name, String(value))
    }
    return address
  }

  // With the whole body: an answer that breaks off half-way is none.
  async #attempt({ method, headers, json, signal }: Call, address: URL, bearer: string) {
    const { timeout = 30_000, fetch: send = fetch } = this.#options
    const tooLong = AbortSignal.timeout(timeout)
    const response = await send(address, {
      method,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      signal: signal ? AbortSignal.any([signal, tooLong]) : tooLong,
    })
    return { response, text: await response.text() }
  }
}

function refusal(response: Response, text: string): DulyError {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json')
  return new DulyError(response.status, isProblem ? (read(text) as Problem) : undefined)
}

function read(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text)
}

/** Seconds or a date (RFC 9110, 10.2.3), as milliseconds from now. */
function retryAfterMs(response: Response): number | undefined {
  const header = response.headers.get('retry-after')
  if (header === null) return undefined
  if (/^\d+$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}

// Never sooner than asked for, and not all clients at once.
function jittered(ms: number): number {
  return Math.min(ms, 60_000) + Math.random() * Math.min(ms, backoff.mostMs) * 0.5
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
