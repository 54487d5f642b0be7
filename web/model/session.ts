import type { User } from './types.ts'

// Requests to /api/auth. The session is an HttpOnly cookie; the token for all other requests is
// only in memory.

/** The URL of this server, with a slash at its end. */
export const base = new URL('./', document.baseURI).href

export class AuthError extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** @throws AuthError for an error response @throws TypeError without a network */
export async function auth<T>(path: string, fields?: object): Promise<T> {
  const { response, body } = await inOrder(fields ? 'exclusive' : 'shared', () => request(path, fields))
  // The session response includes a token, which saves a request at the first visit.
  current = response.headers.get('set-auth-jwt') ?? current
  if (response.ok) return body
  throw new AuthError(response.status, body?.code ?? '', body?.message ?? `${response.status}`)
}

/**
 * A request that changes the session runs alone, in all tabs. Otherwise the responses of two
 * requests could set and clear the cookie in the wrong order. Web Locks need HTTPS or localhost.
 */
const inOrder = <T>(mode: LockMode, work: () => Promise<T>): Promise<T> =>
  navigator.locks?.request('duly session', { mode }, work) ?? work()

async function request(path: string, fields: object | undefined) {
  const response = await fetch(`${base}api/auth${path}`, {
    ...(fields && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(fields),
    }),
    // The other requests wait for this one.
    signal: AbortSignal.timeout(60_000),
  }).catch((error: Error) => {
    throw new TypeError(error.message)
  })
  return { response, body: await response.json().catch(() => null) }
}

let current = ''
let asking: Promise<string> | undefined

/** A token that is valid for at least half a minute. @throws AuthError 401 without a session */
export async function token(): Promise<string> {
  if (expiryOf(current) > Date.now() + 30_000) return current
  asking ??= auth<{ token: string }>('/token')
    .then(answer => {
      current = answer.token
      return current
    })
    .finally(() => {
      asking = undefined
    })
  return asking
}

export function forgetToken(): void {
  current = ''
}

function expiryOf(jwt: string): number {
  const payload = jwt.split('.')[1]
  if (payload === undefined) return 0
  return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))).exp * 1000
}

const storageKey = 'duly-user'

/** The user of the last session on this device, whose tasks are also on it. */
export function rememberedUser(): User | undefined {
  const stored = localStorage.getItem(storageKey)
  return stored === null ? undefined : JSON.parse(stored)
}

export function rememberUser(user: User | undefined): void {
  if (!user) localStorage.removeItem(storageKey)
  else {
    const { id, name, email, twoFactorEnabled = false } = user
    localStorage.setItem(storageKey, JSON.stringify({ id, name, email, twoFactorEnabled }))
  }
}

export async function sessionUser(): Promise<User | undefined> {
  return (await auth<{ user: User } | null>('/get-session'))?.user
}
