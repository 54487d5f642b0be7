import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'

// A program of its own: another Better Auth with its `jwt()` at its defaults, such as a front end runs. It says where it
// listens, and takes its orders from a line each: `rotate`.

const tables: Record<string, Record<string, unknown>[]> = {
  user: [],
  session: [],
  account: [],
  verification: [],
  jwks: [],
}
// A connection that ends while the next call is on its way would be a failure of the test and of nothing else.
const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => handle?.(request, response))
let handle: ReturnType<typeof toNodeHandler> | undefined
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const auth = betterAuth({
    baseURL: url,
    secret: 'the secret of another issuer, of 32 characters and more',
    database: memoryAdapter(tables),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    plugins: [jwt()],
  })
  handle = toNodeHandler(auth)
  process.stdout.write(`${url}\n`)
})
process.stdin.on('data', () => {
  // What a rotation leaves behind: the key that signed is over, and the next token makes another.
  for (const key of tables.jwks ?? []) key.expiresAt = new Date(Date.now() - 1000)
  process.stdout.write('rotated\n')
})
