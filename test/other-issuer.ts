import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BetterAuthOptions, betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import { SignJWT } from 'jose'

// A separate program with other Better Auth servers, as front ends run them: under `/api/auth` one
// with `jwt()` at its defaults, under other paths with other settings. It prints its URL, and
// rotates keys on the line `rotate`.

const [, , port = '0', sharedSecret = ''] = process.argv
const secret = 'the secret of another issuer, of 32 characters and more'
const newTables = (): Record<string, Record<string, unknown>[]> => ({
  user: [],
  session: [],
  account: [],
  verification: [],
  jwks: [],
})
const tables = newTables()

/** The settings by path. */
const kinds: Readonly<Record<string, BetterAuthOptions>> = {
  '': { secret, database: memoryAdapter(tables), plugins: [jwt()] },
  '/es256': { secret, plugins: [jwt({ jwks: { keyPairConfig: { alg: 'ES256' } } })] },
  '/rs256': { secret, plugins: [jwt({ jwks: { keyPairConfig: { alg: 'RS256' } } })] },
  // Shares its secret with Duly, and stores the session in a cookie that is a JWT.
  '/shared': { secret: sharedSecret, session: { cookieCache: { enabled: true, strategy: 'jwt' } } },
}
const newAuth = (url: string, path: string) =>
  betterAuth({
    baseURL: url,
    basePath: `${path}/api/auth`,
    database: memoryAdapter(newTables()),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    ...kinds[path],
  })
const auths = new Map<string, ReturnType<typeof newAuth>>()

// A connection that is closed while the next call is sent would fail the test for no reason.
const server = createServer({ keepAliveTimeout: 600_000 }, async (request, response) => {
  const [, path = '', name = ''] = /^(\/\w+)?\/api\/(\w+)/.exec(request.url ?? '') ?? []
  const auth = auths.get(path) ?? newAuth(url, path)
  auths.set(path, auth)
  if (name === 'auth') return toNodeHandler(auth)(request, response)
  // A route as front ends write it: it signs a token for the user of the session.
  const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) })
  const claims = { user_id: session?.user.id, email: session?.user.email }
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime('7d')
    .sign(new TextEncoder().encode(sharedSecret))
  response.end(JSON.stringify({ token }))
})
let url = ''
server.listen(Number(port), '127.0.0.1', () => {
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.stdout.write(`${url}\n`)
})
process.stdin.on('data', () => {
  // As after a rotation: the signing key has expired, and the next token causes a new one.
  for (const key of tables.jwks ?? []) key.expiresAt = new Date(Date.now() - 1000)
  process.stdout.write('rotated\n')
})
