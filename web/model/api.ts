import { type Call, Transport } from '../../client/transport.ts'
import { base, forgetToken, token } from './session.ts'

export { DulyConnectionError, DulyError } from '../../client/errors.ts'

/** Sends each request once: the user or the local copy repeats it. */
export const transport = new Transport({
  url: base,
  // After a 401, the session may have been replaced, as by a new password.
  token: isRejected => {
    if (isRejected) forgetToken()
    return token()
  },
  attempts: 1,
  timeout: 75_000,
})

/** @throws DulyError for an error response @throws DulyConnectionError without a network */
export const call = <T>(request: Call): Promise<T> =>
  transport.send<T>({ ...request, path: `/api/v1${request.path}` })

export const get = <T>(path: string, query: Call['query'] = {}, signal?: AbortSignal): Promise<T> =>
  call<T>({ method: 'GET', path, query, ...(signal && { signal }) })
