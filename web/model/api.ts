import { type Call, Transport } from '../../client/transport.ts'
import { base, forgetToken, token } from './session.ts'

export { DulyConnectionError, DulyError } from '../../client/errors.ts'

/** What the server answers to a write: its body, and the id of the change for `/undo`. */
export interface Written<T> {
  readonly body: T
  readonly change: string | undefined
}

/** @throws DulyError for a refusal @throws DulyConnectionError without a network */
export async function call<T>(request: Omit<Call, 'path'> & { readonly path: string }): Promise<Written<T>> {
  let change: string | undefined
  let asked = 0
  const transport = new Transport({
    url: base,
    // Asked again after a 401: the session may have been replaced, as by a new password.
    token: () => {
      if (asked > 0) forgetToken()
      asked += 1
      return token()
    },
    // A second attempt only with a new token: the outbox repeats writes, and the user reads.
    attempts: 2,
    timeout: 75_000,
    fetch: async (address, options) => {
      const response = await fetch(address, options)
      change = response.headers.get('duly-change') ?? undefined
      return response
    },
  })
  const body = await transport.send<T>({ ...request, path: `/api/v1${request.path}` })
  return { body, change }
}

export const get = async <T>(path: string, query: Call['query'] = {}, signal?: AbortSignal): Promise<T> =>
  (await call<T>({ method: 'GET', path, query, ...(signal && { signal }) })).body

/** A random key (RFC 9562). `crypto.randomUUID` exists only with HTTPS. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
