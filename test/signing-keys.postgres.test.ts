import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { unprepared } from '../server/db/database.ts'
import { newUserThere } from './front-end.ts'
import { operator } from './operator.ts'
import { behindProxy, newUserHere } from './person.ts'
import { type Served, served, unlimited } from './served.ts'

let api: Served
before(async () => {
  api = await served({ ...behindProxy, ...unlimited })
})
after(() => api.close())

const kidOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
const age = (seconds: number) =>
  api.server.db.query(
    unprepared(
      `update duly.jwks set "createdAt" = "createdAt" - interval '${seconds} seconds', "expiresAt" = "expiresAt" - interval '${seconds} seconds'`,
    ),
  )
const kids = async () =>
  (await api.call('GET', '/api/auth/jwks')).body.keys.map((key: { kid: string }) => key.kid)
const statusOf = async (token: string) => (await api.call('GET', '/api/v1/tasks', { token })).status

describe('a token of this server', () => {
  it('can be verified by anyone with the published keys', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const keys = createRemoteJWKSet(new URL(`${api.server.url}/api/auth/jwks`))
    const issuer = `http://localhost:${new URL(api.server.url).port}`
    const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience: issuer })
    assert.equal(protectedHeader.alg, 'EdDSA')
    assert.equal(payload.sub, person.id)
    assert.deepEqual(Object.keys(payload).sort(), ['aud', 'exp', 'iat', 'iss', 'sid', 'sub'])
    assert.equal(Number(payload.exp) - Number(payload.iat), 900)
    const { headers } = await person.auth('GET', '/get-session')
    assert.equal(kidOf(headers.get('set-auth-jwt') ?? ''), protectedHeader.kid)
  })

  it('can be verified without requests to this server', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const before = api.lines.length
    await statusOf(token)
    const requests = api.lines.slice(before).filter(({ msg }) => msg === 'request')
    assert.equal(requests.length, 1)
  })
})

describe('while the signing keys are rotated', () => {
  it('no request fails, and afterwards another key signs', async () => {
    const person = await newUserHere(api)
    const old = await person.token()
    const long = (await newUserThere(api)).token
    const statuses = new Set<number>()
    let done = false
    const working = (async () => {
      while (!done) {
        statuses.add(await statusOf(old))
        statuses.add(await statusOf(await person.token()))
      }
    })()
    const [said] = await operator(api, ['keys', 'rotate'])
    const id = said?.split(' ')[0]
    assert.deepEqual((await kids()).length, 2)
    assert.equal(kidOf(await person.token()), kidOf(old))
    // Advances the clock by a minute in the database, and by one read interval of the keys here.
    await pause(250)
    await age(61)
    assert.equal(kidOf(await person.token()), id)
    await age(120)
    statuses.add(await statusOf(await person.token()))
    statuses.add(await statusOf(old))
    // The token of a front end is valid for seven days, so its key is published for longer.
    await age(7 * 86_400)
    await pause(250)
    statuses.add(await statusOf((await newUserThere(api)).token))
    statuses.add(await statusOf(long))
    done = true
    await working
    assert.deepEqual([...statuses], [200])
    const list = await operator(api, ['keys', 'list'])
    assert.equal(list.length, 2)
    assert.match(list[0] ?? '', new RegExp(`^${kidOf(old)} .* signed until`))
    assert.match(list[1] ?? '', new RegExp(`^${id} .* signs$`))
  })

  it('a key that was leaked is rejected at once', async () => {
    const person = await newUserHere(api)
    const old = await person.token()
    assert.equal(await statusOf(old), 200)
    await operator(api, ['keys', 'rotate', '--now'])
    // Without a request in between that would load the keys: the first one is rejected.
    await pause(1000)
    assert.equal(await statusOf(old), 401)
    assert.equal((await kids()).length, 1)
    await pause(250)
    assert.equal(await statusOf(await person.token()), 200)
  })
})
