import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type Issuer, startIssuer } from './other-issuer.ts'
import { newUserHere } from './person.ts'
import { newUser, type Served, served, unlimited } from './served.ts'

// Tokens of other issuers: real Better Auth servers with default settings.

/** A server that publishes keys as `listener` does, and counts requests. */
async function keyServer(listener: RequestListener) {
  const state = { requests: 0, listener }
  const server = createServer((request, response) => {
    state.requests += 1
    state.listener(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    state,
    url: `http://127.0.0.1:${port}/jwks`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A token with an unknown `kid`. */
function stranger(token: string, kid: string): string {
  const [header = '', ...rest] = token.split('.')
  const head = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), kid }
  return [Buffer.from(JSON.stringify(head)).toString('base64url'), ...rest].join('.')
}

describe('two other issuers beside this server', () => {
  let one: Issuer
  let two: Issuer
  let api: Served
  before(async () => {
    ;[one, two] = await Promise.all([startIssuer(), startIssuer()])
    api = await served({ JWKS_URL: `${one.jwks},${two.jwks}`, JWT_ISSUER: `${one.url},${two.url}` })
  })
  after(async () => {
    await api?.close()
    await Promise.all([one?.stop(), two?.stop()])
  })
  const statusOf = async (token: string, path = '/api/v1/tasks') =>
    (await api.call('GET', path, { token })).status

  it('are all trusted at the same time', async () => {
    for (const issuer of [one, two]) {
      const { token, userId } = await issuer.token()
      const { status, body } = await api.call('POST', `/api/${userId}/tasks`, {
        token,
        json: { title: 'Mine' },
      })
      assert.deepEqual([status, body.user_id], [201, userId])
      assert.equal(await statusOf(token), 200)
    }
    const person = await newUserHere(api)
    assert.equal(await statusOf(await person.token()), 200)
    assert.equal(
      (await api.call('GET', '/api/v1/tasks', { user: newUser() })).status,
      401,
      'a token without iss',
    )
  })

  it('do not keep the first token of this server from being accepted', async () => {
    const fresh = await served({ JWKS_URL: one.jwks })
    try {
      const [person, { token }] = [await newUserHere(fresh), await one.token()]
      // This server has no key yet, and looks for that of the token.
      assert.equal((await fresh.call('GET', '/api/v1/tasks', { token })).status, 200)
      const own = await person.token()
      assert.equal((await fresh.call('GET', '/api/v1/tasks', { token: own })).status, 200)
    } finally {
      await fresh.close()
    }
  })

  it('are trusted only for their own tokens', async () => {
    const mixed = await served({ JWKS_URL: `${one.jwks},${two.jwks}`, JWT_ISSUER: `${two.url},${one.url}` })
    try {
      const { token } = await one.token()
      assert.equal((await mixed.call('GET', '/api/v1/tasks', { token })).status, 401)
    } finally {
      await mixed.close()
    }
  })

  it('are checked for the required audience', async () => {
    const picky = await served({ JWKS_URL: one.jwks, JWT_AUDIENCE: `https://tasks.example.com,${one.url}` })
    const deaf = await served({ JWKS_URL: one.jwks, JWT_AUDIENCE: 'https://tasks.example.com' })
    try {
      const { token } = await one.token()
      assert.equal((await picky.call('GET', '/api/v1/tasks', { token })).status, 200)
      assert.equal((await deaf.call('GET', '/api/v1/tasks', { token })).status, 401)
    } finally {
      await picky.close()
      await deaf.close()
    }
  })

  it('rotate their keys, and tokens of both keys are valid', async () => {
    const rotating = await served({ JWKS_URL: one.jwks })
    try {
      const status = async (token: string) => (await rotating.call('GET', '/api/v1/tasks', { token })).status
      one.rotate()
      const { token: old } = await one.token()
      assert.equal(await status(old), 200)
      one.rotate()
      const { token: fresh } = await one.token()
      // An unknown key causes another fetch at most every 30 s, so the clock is moved forward.
      const now = Date.now
      Date.now = () => now() + 31_000
      try {
        assert.equal(await status(fresh), 200)
        assert.equal(await status(old), 200)
      } finally {
        Date.now = now
      }
    } finally {
      await rotating.close()
    }
  })

  it('do not depend on each other, and the known keys of an unavailable one stay in use', async () => {
    const third = await startIssuer()
    const both = await served({ JWKS_URL: `${third.jwks},${two.jwks}` })
    try {
      const status = async (token: string) => (await both.call('GET', '/api/v1/tasks', { token })).status
      const { token } = await third.token()
      const { token: later } = await third.token()
      assert.equal(await status(token), 200)
      await third.stop()
      assert.equal(await status(token), 200)
      assert.equal(await status(later), 200)
      assert.equal(await status((await two.token()).token), 200)
    } finally {
      await both.close()
    }
  })

  it('of which one was never available cause 503 with Retry-After for its tokens', async () => {
    const gone = await startIssuer()
    const { token } = await gone.token()
    await gone.stop()
    const both = await served({ JWKS_URL: `${gone.jwks},${two.jwks}` })
    try {
      const { status, headers } = await both.call('GET', '/api/v1/tasks', { token })
      assert.equal(status, 503)
      assert.ok(Number(headers.get('retry-after')) > 0)
      assert.equal(
        (await both.call('GET', '/api/v1/tasks', { token: (await two.token()).token })).status,
        200,
      )
    } finally {
      await both.close()
    }
  })
})

describe('front ends with their own Better Auth', () => {
  let issuer: Issuer
  let api: Served
  before(async () => {
    issuer = await startIssuer()
    const keys = ['', '/es256', '/rs256'].map(kind => `${issuer.url}${kind}/api/auth/jwks`)
    api = await served({ JWKS_URL: keys.join() })
  })
  after(async () => {
    await api?.close()
    await issuer?.stop()
  })

  async function createsTasks({ token, userId }: { token: string; userId: string }) {
    const path = `/api/${userId}/tasks`
    const { status, body, text } = await api.call('POST', path, { token, json: { title: 'Mine' } })
    assert.deepEqual([status, body.user_id], [201, userId], text)
    assert.equal((await api.call('GET', '/api/somebody/tasks', { token })).status, 403)
  }
  const part = (token: string, n: number) =>
    JSON.parse(Buffer.from(token.split('.')[n] ?? '', 'base64url').toString())

  it('send tokens of `jwt()` with keys of all types', async () => {
    for (const [kind, alg] of [
      ['', 'EdDSA'],
      ['/es256', 'ES256'],
      ['/rs256', 'RS256'],
    ] as const) {
      const signed = await issuer.token(kind)
      assert.equal(part(signed.token, 0).alg, alg)
      await createsTasks(signed)
    }
  })

  it('send the cookie in which `cookieCache` stores the session as a JWT', async () => {
    const { cookies, userId } = await issuer.signUp('/shared')
    const token = decodeURIComponent(cookies.get('better-auth.session_data') ?? '')
    const { sub, user, session } = part(token, 1)
    assert.deepEqual([sub, user.id, session.userId], [undefined, userId, userId])
    await createsTasks({ token, userId })
  })

  it('send tokens that their own route signs with the shared secret', async () => {
    const minted = await issuer.token('/shared', '/api/token')
    assert.equal(part(minted.token, 1).user_id, minted.userId)
    await createsTasks(minted)
  })

  it('get a hint in the log about the setting for the user claim', async () => {
    const hints = api.lines.filter(({ hint }) => hint === 'user claim')
    assert.equal(hints.length, 1)
    assert.match(String(hints[0]?.msg), /JWT_USER_CLAIM/)
  })
})

describe('an issuer with faults', () => {
  let real: Issuer
  before(async () => {
    real = await startIssuer()
  })
  after(() => real?.stop())

  it('gets at most two requests for 200 unknown keys', async () => {
    const keys = await (await fetch(real.jwks)).text()
    const { token } = await real.token()
    const published = await (await fetch(real.jwks)).text()
    const server = await keyServer((_request, response) => response.end(published || keys))
    const api = await served({ JWKS_URL: server.url, ...unlimited })
    try {
      assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 200)
      for (let n = 0; n < 200; n += 50) {
        const tokens = Array.from({ length: 50 }, (_, k) => stranger(token, `unknown ${n + k}`))
        const answers = await Promise.all(
          tokens.map(other => api.call('GET', '/api/v1/tasks', { token: other })),
        )
        assert.ok(answers.every(({ status }) => status === 401))
      }
      assert.ok(server.state.requests <= 2, `${server.state.requests} requests`)
      assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 200)
    } finally {
      await api.close()
      await server.close()
    }
  })

  it('that is slow does not delay tokens with known keys', async () => {
    const { token } = await real.token()
    const published = await (await fetch(real.jwks)).text()
    const server = await keyServer((_request, response) => response.end(published))
    const api = await served({ JWKS_URL: server.url })
    try {
      assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 200)
      server.state.listener = () => {}
      const now = Date.now
      Date.now = () => now() + 31_000
      let waiting: Promise<unknown>
      try {
        waiting = api.call('GET', '/api/v1/tasks', { token: stranger(token, 'x') }).catch(() => {})
        for (let n = 0; n < 20; n += 1)
          assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 200)
      } finally {
        Date.now = now
      }
      await waiting
    } finally {
      await api.close()
      await server.close()
    }
  })

  for (const [name, answer] of [
    ['no JSON', 'not json'],
    ['another JSON', '{"keys":7}'],
    ['invalid keys', '{"keys":[null,7,{"kty":"OKP"},{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"","e":""}]}'],
    ['too many bytes', `{"keys":[],"x":"${'x'.repeat(300_000)}"}`],
  ] as const) {
    it(`that returns ${name} is not trusted, and its known keys stay in use`, async () => {
      const { token } = await real.token()
      const others = [(await real.token()).token, (await real.token()).token]
      const published = await (await fetch(real.jwks)).text()
      const server = await keyServer((_request, response) => response.end(answer))
      const api = await served({ JWKS_URL: server.url })
      try {
        const first = (await api.call('GET', '/api/v1/tasks', { token })).status
        assert.ok([401, 503].includes(first), String(first))
        const now = Date.now
        const later = async (ms: number, token: string) => {
          Date.now = () => now() + ms
          try {
            return (await api.call('GET', '/api/v1/tasks', { token })).status
          } finally {
            Date.now = now
          }
        }
        server.state.listener = (_request, response) => response.end(published)
        assert.equal(await later(31_000, token), 200)
        server.state.listener = (_request, response) => response.end(answer)
        for (const other of others) assert.equal(await later(12 * 60_000, other), 200)
      } finally {
        await api.close()
        await server.close()
      }
    })
  }
})
