import { DulyConnectionError, DulyError, type FailedRequest, type Problem } from './errors.ts'

export interface ConnectOptions {
  /** URL of the server, such as `https://tasks.example.com`. */
  readonly url: string | URL
  /**
   * The bearer token, or a function that returns one. After a 401, the function is called again,
   * with `true`: the last token was rejected.
   */
  readonly token: string | ((isRejected: boolean) => string | Promise<string>)
  /** Maximum number of attempts, including the first (default 5). A new token allows one more. */
  readonly attempts?: number
  /** Time limit of one attempt, in milliseconds (default 30,000). */
  readonly timeout?: number
  /** Receives the id of each change that this client makes, for `undo`. */
  readonly onChange?: (change: string) => void
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch
}

export interface CallOptions {
  /** Cancels the request and the pauses between its attempts. */
  readonly signal?: AbortSignal
}

type QueryValue = string | number | boolean | undefined

export interface Call extends CallOptions {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  /** An array is a parameter for each of its entries. */
  readonly query?: Readonly<Record<string, QueryValue | readonly QueryValue[]>>
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly onChange?: (change: string) => void
  /** Replace the options of the client. */
  readonly attempts?: number
  readonly timeout?: number
  /** Receives the headers of a successful response. */
  readonly onResponse?: (headers: Headers) => void
}

// Temporary failures. Writes are retried too: their Idempotency-Key prevents a second execution.
const temporary = new Set([429, 502, 503, 504])
const backoff = { firstMs: 200, maxMs: 10_000 }

/**
 * @throws TypeError that names the option, since types do not catch empty variables or plain
 * JavaScript
 */
export function checkOptions(options: ConnectOptions): void {
  const {
    url,
    token,
    attempts = 1,
    timeout = 1,
    fetch: send = fetch,
    onChange,
  }: Partial<ConnectOptions> = options ?? {}
  if (url === undefined || String(url) === '') {
    throw new TypeError(
      'createClient: "url" is missing. Set it to the address of the server, such as "https://tasks.example.com".',
    )
  }
  const address = URL.canParse(String(url)) ? new URL(String(url)) : undefined
  if (address?.protocol !== 'https:' && address?.protocol !== 'http:') {
    throw new TypeError(
      'createClient: "url" must be an http or https address, such as "https://tasks.example.com".',
    )
  }
  if (address.username !== '' || address.password !== '') {
    throw new TypeError('createClient: "url" must not contain a user or a password. Use "token".')
  }
  if (token === undefined || token === '') {
    throw new TypeError(
      'createClient: "token" is missing. Set it to a bearer token, or to a function that returns one.',
    )
  }
  if (typeof token !== 'string' && typeof token !== 'function') {
    throw new TypeError('createClient: "token" must be a string, or a function that returns one.')
  }
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new TypeError('createClient: "attempts" must be a whole number of at least 1.')
  }
  if (!(timeout > 0)) throw new TypeError('createClient: "timeout" must be a number of milliseconds above 0.')
  if (onChange !== undefined && typeof onChange !== 'function')
    throw new TypeError('createClient: "onChange" must be a function.')
  if (typeof send !== 'function') throw new TypeError('createClient: "fetch" must be a function.')
}

/** Sends requests, and retries temporary failures. */
export class Transport {
  readonly #options: ConnectOptions

  constructor(options: ConnectOptions) {
    this.#options = options
  }

  /**
   * Returns the JSON of the response, or undefined if it has no body.
   * @throws DulyError for an error response
   * @throws DulyConnectionError if the last attempt got no complete response, or one that is not
   * Duly's
   */
  async send<T>(call: Call): Promise<T> {
    const { attempts = this.#options.attempts ?? 5, signal } = call
    const address = this.#addressOf(call)
    const request = { method: call.method, url: address.origin + address.pathname }
    let renewed = false
    for (let attempt = 1; ; attempt += 1) {
      if (signal?.aborted) throw aborted(request, signal)
      const bearer = await this.#bearer(renewed)
      const last = attempt >= attempts
      const outcome = await this.#attempt(call, address, bearer).catch((error: unknown) => {
        if (signal?.aborted) throw aborted(request, signal)
        if (last) throw this.#noResponse(call, request, error)
        return undefined
      })
      if (outcome?.response.ok) {
        const result = readJson(outcome.text, outcome.response, request) as T
        this.#noteChange(call, outcome.response)
        return result
      }
      let wait = backoff.firstMs * 2 ** (attempt - 1)
      if (outcome) {
        const { response, text } = outcome
        const renewable: boolean =
          response.status === 401 && typeof this.#options.token === 'function' && !renewed
        if (!renewable && (last || !temporary.has(response.status))) throw refusal(response, text, request)
        renewed ||= renewable
        wait = renewable ? 0 : (retryAfterMs(response) ?? wait)
      }
      await pause(jittered(wait), signal)
      if (signal?.aborted) throw aborted(request, signal)
    }
  }

  #noteChange({ onChange, onResponse }: Call, { headers }: Response): void {
    onResponse?.(headers)
    const change = headers.get('duly-change')
    if (change === null) return
    onChange?.(change)
    this.#options.onChange?.(change)
  }

  async #bearer(isRejected: boolean): Promise<string> {
    const { token } = this.#options
    const bearer: unknown = typeof token === 'function' ? await token(isRejected) : token
    if (typeof bearer === 'string' && bearer !== '') return bearer
    throw new TypeError('The function "token" must return a token; it returned none.')
  }

  #timeoutOf({ timeout = this.#options.timeout ?? 30_000 }: Call): number {
    return timeout
  }

  #noResponse(call: Call, request: FailedRequest, error: unknown): DulyConnectionError {
    const timeout = this.#timeoutOf(call)
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      return new DulyConnectionError('timeout', request, `no response within ${timeout / 1000} s.`, error)
    }
    return new DulyConnectionError('network', request, `no response: ${reasonOf(error)}.`, error)
  }

  #addressOf({ path, query = {} }: Call): URL {
    const address = new URL(String(this.#options.url).replace(/\/+$/, '') + path)
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) if (one !== undefined) address.searchParams.append(name, String(one))
    }
    return address
  }

  // Reads the whole body: an incomplete response counts as none.
  async #attempt(call: Call, address: URL, bearer: string) {
    const { method, headers, json, signal } = call
    const { fetch: send = fetch } = this.#options
    const tooLong = AbortSignal.timeout(this.#timeoutOf(call))
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

function refusal(response: Response, text: string, request: FailedRequest): DulyError {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json')
  return new DulyError(response.status, isProblem ? problemIn(text) : undefined, request)
}

function problemIn(text: string): Problem | undefined {
  try {
    // The media type guarantees the shape.
    return JSON.parse(text) as Problem
  } catch {
    return undefined
  }
}

function readJson(text: string, response: Response, request: FailedRequest): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    const type = response.headers.get('content-type') ?? 'no media type'
    const reason = `the response (${response.status}, ${type}) is not JSON. Is "url" the address of Duly?`
    throw new DulyConnectionError('not_json', request, reason, error)
  }
}

function aborted(request: FailedRequest, signal: AbortSignal): DulyConnectionError {
  const isTimeout = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError'
  const reason = `aborted by its signal: ${reasonOf(signal.reason)}`
  return new DulyConnectionError(isTimeout ? 'timeout' : 'aborted', request, reason, signal.reason)
}

/** The innermost message: the cause of `fetch failed` is the system's error. */
function reasonOf(error: unknown): string {
  let at = error
  while (at instanceof Error && at.cause instanceof Error) at = at.cause
  if (!(at instanceof Error)) return String(at)
  const code =
    'code' in at && typeof at.code === 'string' && !at.message.includes(at.code) ? ` (${at.code})` : ''
  return `${at.message || at.name}${code}`
}

/** Seconds or a date (RFC 9110, 10.2.3), as milliseconds from now. */
function retryAfterMs(response: Response): number | undefined {
  const header = response.headers.get('retry-after')
  if (header === null) return undefined
  if (/^\d+$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}

// Never earlier than requested, and spread so that clients do not retry at once.
function jittered(ms: number): number {
  return Math.min(ms, 60_000) + Math.random() * Math.min(ms, backoff.maxMs) * 0.5
}

/** Resolves early if the signal is aborted. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const stop = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      resolve()
    }
    const timer = setTimeout(stop, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
