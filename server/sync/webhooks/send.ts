import http from 'node:http'
import https from 'node:https'
import type { LookupFunction } from 'node:net'
import { type Address, hostOf, type Networks, type Resolve } from './addresses.ts'
import type { AttemptError } from './fields.ts'

/** How an attempt ended: the status of the response, or why there was none. */
export interface Attempt {
  readonly status: number | null
  readonly error: AttemptError | null
  readonly ms: number
}

interface SendOptions {
  readonly networks: Networks
  readonly resolve: Resolve
  /** Whose connections are used. */
  readonly agent: http.Agent
  /** Aborted when the attempt must not go on. */
  readonly signal: AbortSignal
  /** Milliseconds for the attempt, `attemptMs` by default. */
  readonly timeout?: number
}

const attemptMs = 10_000
/** Of the body of a response, which is discarded. */
const maxBytes = 64 * 1024
const bodyMs = 1000
/** Responses before the final one (1xx). Each is parsed, so without a limit they take CPU time. */
const maxInterim = 10
/** Addresses of a name that are tried. */
const maxAddresses = 4

/**
 * Connections for the attempts of one run. None are shared between webhooks. Proxies in the
 * environment are not used.
 */
export const newAgent = (protocol: string): http.Agent =>
  new (protocol === 'https:' ? https : http).Agent({ keepAlive: true, maxSockets: 1 })

/**
 * Sends a message with POST. Connects only to addresses that `networks` allows: the name is
 * resolved here, and the socket gets the addresses that were checked, not the name. Follows no
 * redirect. Never rejects.
 */
export async function send(
  url: URL,
  message: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  options: SendOptions,
): Promise<Attempt> {
  const startedAt = performance.now()
  const timer = AbortSignal.timeout(options.timeout ?? attemptMs)
  const signal = AbortSignal.any([timer, options.signal])
  const end = (status: number | null, error: AttemptError | null) => ({
    status,
    error,
    ms: Math.round(performance.now() - startedAt),
  })
  try {
    const found = await options.resolve(hostOf(url.hostname), signal)
    signal.throwIfAborted()
    if (found.length === 0) return end(null, 'name_not_resolved')
    const allowed = found.filter(address => options.networks.allows(address, url.protocol))
    if (allowed.length === 0) return end(null, 'address_not_allowed')
    return end(await post(url, message, allowed.slice(0, maxAddresses), options.agent, signal), null)
  } catch (error) {
    return end(null, timer.aborted ? 'timed_out' : errorOf(error))
  }
}

function post(
  url: URL,
  { headers, body }: Parameters<typeof send>[1],
  addresses: readonly Address[],
  agent: http.Agent,
  signal: AbortSignal,
): Promise<number> {
  // Not called where the host is an address, which has been checked too.
  const lookup: LookupFunction = (_host, { all }, callback) => {
    const [first] = addresses
    if (all) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family ?? 4)
  }
  return new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http
    const length = Buffer.byteLength(body)
    const sent = request(url, {
      method: 'POST',
      agent,
      lookup,
      signal,
      rejectUnauthorized: true,
      maxHeaderSize: 16 * 1024,
      headers: { ...headers, 'content-length': String(length) },
    })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // The receiver may have closed a connection that was idle. It is not used again.
      if (sent.reusedSocket && error.code === 'ECONNRESET' && !signal.aborted)
        resolve(post(url, { headers, body }, addresses, agent, signal))
      else reject(error)
    })
    // `101 Switching Protocols` is neither a response nor an error.
    sent.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve(response.statusCode ?? 101)
    })
    let interim = 0
    sent.on('information', () => {
      interim += 1
      if (interim > maxInterim) sent.destroy(new EndlessResponses('too many responses with status 1xx'))
    })
    let hasResponse = false
    sent.on('close', () => {
      if (!hasResponse) reject(new Error('the connection was closed without a response'))
    })
    sent.on('response', response => {
      hasResponse = true
      const late = setTimeout(() => response.destroy(), bodyMs)
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > maxBytes) response.destroy()
      })
      response.on('error', () => {})
      response.on('close', () => {
        clearTimeout(late)
        resolve(response.statusCode ?? 0)
      })
    })
    sent.end(body)
  })
}

class EndlessResponses extends Error {}

function errorOf(error: unknown): AttemptError {
  if (error instanceof EndlessResponses) return 'response_invalid'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (/^(ENOTFOUND|ESERVFAIL|ENODATA|EAI_)/.test(code)) return 'name_not_resolved'
  if (/^HPE_/.test(code)) return 'response_invalid'
  if (/^(ERR_TLS|ERR_SSL|CERT_|EPROTO|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME)/.test(code))
    return 'tls_failed'
  return 'connection_failed'
}
