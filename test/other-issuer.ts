import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BetterAuthOptions, betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import { SignJWT } from 'jose'
import { testSecret } from './served.ts'

// Another issuer: a server with several Better Auth servers, as front ends run them. The one under
// `/api/auth` has `jwt()` at its defaults, those under other paths have other settings.

const secret = 'the secret of another issuer, of 32 characters and more'
const newTables = (): Record<string, Record<string, unknown>[]> => ({
  user: [],
  session: [],
  account: [],
  verification: [],
  jwks: [],
})

/** The settings by path. */
const kinds: Readonly<Record<string, BetterAuthOptions>> = {
  '': { secret, plugins: [jwt()] },
  '/es256': { secret, plugins: [jwt({ jwks: { keyPairConfig: { alg: 'ES256' } } })] },
  '/rs256': { secret, plugins: [jwt({ jwks: { keyPairConfig: { alg: 'RS256' } } })] },
  // Shares its secret with Duly, and stores the session in a cookie that is a JWT.
  '/shared': { secret: testSecret, session: { cookieCache: { enabled: true, strategy: 'jwt' } } },
}

export interface Issuer {
  readonly url: string
  readonly jwks: string
  /** @param kind a path of `kinds` */
  signUp(kind?: string): Promise<{ cookies: Map<string, string>; userId: string }>
  token(kind?: string, path?: string): Promise<{ token: string; userId: string }>
  rotate(): void
  stop(): Promise<void>
}

export async function startIssuer(): Promise<Issuer> {
  const tables = newTables()
  const newAuth = (path: string) =>
    betterAuth({
      baseURL: url,
      basePath: `${path}/api/auth`,
      database: memoryAdapter(path === '' ? tables : newTables()),
      emailAndPassword: { enabled: true },
      telemetry: { enabled: false },
      ...kinds[path],
    })
  const auths = new Map<string, ReturnType<typeof newAuth>>()

  // A connection that is closed while the next call is sent would fail the test for no reason.
  const server = createServer({ keepAliveTimeout: 600_000 }, async (request, response) => {
    const [, path = '', name = ''] = /^(\/\w+)?\/api\/(\w+)/.exec(request.url ?? '') ?? []
    const auth = auths.get(path) ?? newAuth(path)
    auths.set(path, auth)
    if (name === 'auth') return toNodeHandler(auth)(request, response)
    // A route as front ends write it: it signs a token for the user of the session.
    const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) })
    const claims = { user_id: session?.user.id, email: session?.user.email }
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuedAt()
      .setExpirationTime('7d')
      .sign(new TextEncoder().encode(testSecret))
    response.end(JSON.stringify({ token }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const signUp: Issuer['signUp'] = async (kind = '') => {
    const headers = { 'content-type': 'application/json', origin: url }
    const body = JSON.stringify({
      name: 'x',
      email: `${randomUUID()}@example.com`,
      password: 'correct horse',
    })
    const signedUp = await fetch(`${url}${kind}/api/auth/sign-up/email`, { method: 'POST', headers, body })
    const pairs = signedUp.headers
      .getSetCookie()
      .map(line => /^([^=]+)=([^;]*)/.exec(line)?.slice(1) as [string, string])
    return {
      cookies: new Map(pairs),
      userId: ((await signedUp.json()) as { user: { id: string } }).user.id,
    }
  }
  return {
    url,
    signUp,
    jwks: `${url}/api/auth/jwks`,
    async token(kind = '', path = '/api/auth/token') {
      const { cookies, userId } = await signUp(kind)
      const cookie = [...cookies].map(pair => pair.join('=')).join('; ')
      const answer = await fetch(url + kind + path, { headers: { cookie } })
      return { token: ((await answer.json()) as { token: string }).token, userId }
    },
    rotate() {
      // As after a rotation: the signing key has expired, and the next token causes a new one.
      for (const key of tables.jwks ?? []) key.expiresAt = new Date(Date.now() - 1000)
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
