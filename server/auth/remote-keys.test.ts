import assert from 'node:assert/strict'
import {
  constants,
  createSecretKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { pino } from 'pino'
import { hmacAlgorithms, publicKeyAlgorithms } from '../config/algorithms.ts'
import { AppError } from '../errors.ts'
import { canonical, type Jwt, signHmac } from './jwt.ts'
import { RemoteKeys } from './remote-keys.ts'
import { TokenError } from './token-error.ts'
import { Tokens } from './tokens.ts'

const second = 1_700_000_000
const halfMinute = 30_000
const tenMinutes = 600_000
const secret = 'correct horse battery staple 12345'

const ed = generateKeyPairSync('ed25519')
const nextEd = generateKeyPairSync('ed25519')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' })

const jwk = (key: KeyObject, more: object = {}): JsonWebKey => ({ ...key.export({ format: 'jwk' }), ...more })
const edSet = { keys: [jwk(ed.publicKey, { kid: 'ed', alg: 'EdDSA', use: 'sig' })] }

type Answer = (response: ServerResponse) => void
const json = (body: unknown, status = 200): Answer => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return response => void response.writeHead(status, { 'content-type': 'application/json' }).end(text)
}

const opened: (() => void)[] = []
after(() => {
  for (const close of opened) close()
})

/** An issuer on this machine that counts its requests. */
async function newIssuer(answer: Answer = json(edSet)) {
  const issuer = { url: new URL('http://127.0.0.1'), fetches: 0, answer, close }
  const server = createServer((_request, response) => {
    issuer.fetches += 1
    issuer.answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  issuer.url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`)
  opened.push(close)
  return issuer

  function close() {
    server.close()
    server.closeAllConnections()
  }
}

/** Keys of an issuer, with a clock that the test sets and the lines of the log. */
function newKeys(url: URL) {
  const clock = { now: second * 1000 }
  const lines: string[] = []
  const log = pino({}, { write: line => lines.push(line) })
  const keys = new RemoteKeys({ url, log, now: () => clock.now })
  return { keys, clock, lines }
}

function jwtOf(kid: string | undefined, alg = 'EdDSA'): Jwt {
  return { alg, kid, claims: {}, signed: '', signature: Buffer.alloc(0) }
}

/** The public keys found, as text that can be compared. */
async function found(keys: RemoteKeys, kid: string | undefined, alg = 'EdDSA') {
  return (await keys.find(jwtOf(kid, alg))).map(textOf)
}

const textOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' })

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate()
}

function isAway(error: unknown): boolean {
  assert.ok(error instanceof AppError, `not an AppError: ${error}`)
  assert.equal(error.code, 'keys_away')
  assert.equal(error.message, 'Tokens cannot be checked right now. Please try again shortly.')
  assert.ok(error.retryAfter !== undefined && error.retryAfter > 0)
  return true
}

function refusal(reason: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof TokenError, `not a TokenError: ${error}`)
    assert.match(error.message, reason)
    return true
  }
}

describe('the keys of a remote issuer', { timeout: 60_000 }, () => {
  it('are not fetched before a token needs them', async () => {
    const issuer = await newIssuer()
    newKeys(issuer.url)
    await setImmediate()
    assert.equal(issuer.fetches, 0)
  })

  it('are fetched once for a hundred concurrent requests', async () => {
    const issuer = await newIssuer()
    const { keys } = newKeys(issuer.url)
    const answers = await Promise.all(Array.from({ length: 100 }, () => found(keys, 'ed')))
    assert.ok(answers.every(([key]) => key === textOf(ed.publicKey)))
    assert.equal(issuer.fetches, 1)
  })

  it('are fetched once for a hundred concurrent requests with different kids', async () => {
    const issuer = await newIssuer()
    const { keys } = newKeys(issuer.url)
    const answers = await Promise.all(Array.from({ length: 100 }, (_, kid) => found(keys, `${kid}`)))
    assert.ok(answers.every(list => list.length === 0))
    assert.equal(issuer.fetches, 1)
  })

  it('are returned synchronously once they are known', async () => {
    const issuer = await newIssuer()
    const { keys, clock } = newKeys(issuer.url)
    await found(keys, 'ed')
    for (const later of [0, halfMinute, tenMinutes]) {
      clock.now = second * 1000 + later
      assert.ok(!(keys.find(jwtOf('ed')) instanceof Promise))
    }
    assert.equal(issuer.fetches, 1)
  })

  it('are fetched at most every 30 s for a thousand unknown kids', async () => {
    const issuer = await newIssuer()
    const { keys, clock } = newKeys(issuer.url)
    await found(keys, 'ed')
    clock.now += 2 * halfMinute
    for (let kid = 0; kid < 1000; kid++) {
      assert.deepEqual(await found(keys, `unknown ${kid}`), [])
      clock.now += 29
    }
    assert.equal(issuer.fetches, 2)
    await Promise.all(Array.from({ length: 1000 }, (_, kid) => found(keys, `unknown ${kid}`)))
    assert.equal(issuer.fetches, 2)
  })

  it('are fetched again for an unknown kid after 30 s, and not before', async () => {
    const issuer = await newIssuer()
    const { keys, clock } = newKeys(issuer.url)
    await found(keys, 'ed')
    issuer.answer = json({ keys: [...edSet.keys, jwk(nextEd.publicKey, { kid: 'next' })] })
    clock.now += halfMinute - 1
    assert.deepEqual(await found(keys, 'next'), [])
    assert.equal(issuer.fetches, 1)
    clock.now += 1
    assert.deepEqual(await found(keys, 'next'), [textOf(nextEd.publicKey)])
    assert.deepEqual(await found(keys, 'ed'), [textOf(ed.publicKey)])
    assert.equal(issuer.fetches, 2)
  })

  it('are no longer used once a fetch omits them', async () => {
    const issuer = await newIssuer()
    const { keys, clock } = newKeys(issuer.url)
    await found(keys, 'ed')
    issuer.answer = json({ keys: [jwk(nextEd.publicKey, { kid: 'next' })] })
    clock.now += halfMinute
    await found(keys, 'next')
    assert.deepEqual(await found(keys, 'ed'), [])
  })

  it('are fetched again after ten minutes, while requests use the old ones', async () => {
    const issuer = await newIssuer()
    const { keys, clock } = newKeys(issuer.url)
    await found(keys, 'ed')
    issuer.answer = json({ keys: [jwk(nextEd.publicKey, { kid: 'ed' })] })
    clock.now += tenMinutes + 1
    const old = keys.find(jwtOf('ed'))
    assert.ok(!(old instanceof Promise))
    assert.deepEqual(old.map(textOf), [textOf(ed.publicKey)])
    let newest: unknown
    do {
      await setImmediate()
      ;[newest] = await found(keys, 'ed')
    } while (newest === textOf(ed.publicKey))
    assert.equal(newest, textOf(nextEd.publicKey))
    assert.equal(issuer.fetches, 2)
  })

  it('stay in use while the issuer is unavailable for days', async () => {
    const issuer = await newIssuer()
    const { keys, clock, lines } = newKeys(issuer.url)
    await found(keys, 'ed')
    issuer.close()
    for (let day = 1; day <= 3; day++) {
      clock.now += 86_400_000
      assert.deepEqual(await found(keys, 'ed'), [textOf(ed.publicKey)])
      await until(() => lines.length === day)
      assert.deepEqual(await found(keys, 'unknown'), [])
    }
    assert.match(lines[0] ?? '', /could not be fetched/)
    assert.equal(lines.length, 3)
  })

  it('are fetched when the issuer is available again', async () => {
    const issuer = await newIssuer(json('', 503))
    const { keys, clock } = newKeys(issuer.url)
    await assert.rejects(found(keys, 'ed'), isAway)
    issuer.answer = json(edSet)
    clock.now += halfMinute - 1
    await assert.rejects(found(keys, 'ed'), isAway)
    assert.equal(issuer.fetches, 1)
    clock.now += 1
    assert.deepEqual(await found(keys, 'ed'), [textOf(ed.publicKey)])
    assert.equal(issuer.fetches, 2)
  })

  it('are unavailable to all waiting requests if the first fetch fails, which is logged once', async () => {
    const issuer = await newIssuer()
    issuer.close()
    const { keys, lines } = newKeys(issuer.url)
    const answers = await Promise.allSettled(Array.from({ length: 100 }, () => found(keys, 'ed')))
    for (const answer of answers) assert.ok(answer.status === 'rejected' && isAway(answer.reason))
    assert.equal(lines.length, 1)
  })

  const padded = (bytes: number) => JSON.stringify(edSet).padEnd(bytes, ' ')
  const useless: readonly (readonly [name: string, answer: Answer])[] = [
    ['no JSON', json('<!doctype html>')],
    ['nothing', json('')],
    ['204', response => void response.writeHead(204).end()],
    ['404', json(edSet, 404)],
    ['500', json(edSet, 500)],
    ['a list', json(edSet.keys)],
    ['null', json('null')],
    ['a text', json('"keys"')],
    ['an object without keys', json({})],
    ['keys that are not an array', json({ keys: { ed: edSet.keys[0] } })],
    ['more than 256 KiB', json(padded(256 * 1024 + 1))],
    [
      'a part of an answer',
      response => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"keys":[', () => response.destroy())
      },
    ],
    ['a closed connection', response => void response.destroy()],
  ]
  for (const [name, answer] of useless) {
    it(`are unavailable when the issuer has only ever answered with ${name}`, async () => {
      const { keys, lines } = newKeys((await newIssuer(answer)).url)
      await assert.rejects(found(keys, 'ed'), isAway)
      assert.equal(lines.length, 1)
    })

    it(`stay in use when the issuer answers with ${name}`, async () => {
      const issuer = await newIssuer()
      const { keys, clock, lines } = newKeys(issuer.url)
      await found(keys, 'ed')
      issuer.answer = answer
      clock.now += halfMinute
      assert.deepEqual(await found(keys, 'unknown'), [])
      assert.deepEqual(await found(keys, 'ed'), [textOf(ed.publicKey)])
      assert.deepEqual([issuer.fetches, lines.length], [2, 1])
    })
  }

  it('are accepted in an answer of 256 KiB', async () => {
    const { keys } = newKeys((await newIssuer(json(padded(256 * 1024)))).url)
    assert.deepEqual(await found(keys, 'ed'), [textOf(ed.publicKey)])
  })

  for (const status of [301, 302, 303, 307, 308]) {
    it(`are not fetched from the target of a redirect: ${status}`, async () => {
      const elsewhere = await newIssuer()
      const issuer = await newIssuer(
        response => void response.writeHead(status, { location: elsewhere.url.href }).end(),
      )
      const { keys } = newKeys(issuer.url)
      await assert.rejects(found(keys, 'ed'), isAway)
      assert.deepEqual([issuer.fetches, elsewhere.fetches], [1, 0])
    })
  }
})

describe('a key of a remote issuer', () => {
  const unusable: readonly (readonly [name: string, key: unknown])[] = [
    ['a shared secret', { kty: 'oct', k: Buffer.from(secret).toString('base64url'), kid: 'ed' }],
    ['a shared secret that says EdDSA', { kty: 'oct', k: 'c2VjcmV0', kid: 'ed', alg: 'EdDSA' }],
    ['a private Ed25519 key', jwk(nextEd.privateKey, { kid: 'ed' })],
    ['a private EC key', jwk(p256.privateKey, { kid: 'ed' })],
    ['a private RSA key', jwk(rsa.privateKey, { kid: 'ed' })],
    ['for encryption', jwk(nextEd.publicKey, { kid: 'ed', use: 'enc' })],
    ['of an unknown type', { kty: 'PQ', kid: 'ed', x: 'AAAA' }],
    ['of an unknown curve', { kty: 'OKP', crv: 'Ed999', kid: 'ed', x: 'AAAA' }],
    ['without its point', { kty: 'OKP', crv: 'Ed25519', kid: 'ed' }],
    ['not on its curve', { ...jwk(p256.publicKey, { kid: 'ed' }), y: 'AAAA' }],
    ['null', null],
    ['a text', textOf(nextEd.publicKey)],
    ['a list', [jwk(nextEd.publicKey, { kid: 'ed' })]],
    ['empty', {}],
  ]
  for (const [name, key] of unusable) {
    it(`is ignored if it is ${name}`, async () => {
      const { keys } = newKeys((await newIssuer(json({ keys: [key, ...edSet.keys] }))).url)
      assert.deepEqual(await found(keys, 'ed'), [textOf(ed.publicKey)])
      for (const alg of [...hmacAlgorithms, 'ES256', 'RS256', 'PS512']) {
        assert.deepEqual(await found(keys, 'ed', alg), [])
      }
    })
  }

  it('is found by its kid; without a kid in the token, all keys that fit are found', async () => {
    const set = { keys: [...edSet.keys, jwk(nextEd.publicKey, { kid: 'next' }), jwk(rsa.publicKey)] }
    const { keys } = newKeys((await newIssuer(json(set))).url)
    assert.deepEqual(await found(keys, 'next'), [textOf(nextEd.publicKey)])
    assert.deepEqual(await found(keys, undefined), [textOf(ed.publicKey), textOf(nextEd.publicKey)])
  })

  it('without a kid fits any token', async () => {
    const { keys } = newKeys((await newIssuer(json({ keys: [jwk(ed.publicKey)] }))).url)
    assert.deepEqual(await found(keys, 'whatever'), [textOf(ed.publicKey)])
  })

  it('with an alg is used for that algorithm only', async () => {
    const set = { keys: [jwk(rsa.publicKey, { kid: 'rsa', alg: 'PS256' })] }
    const { keys } = newKeys((await newIssuer(json(set))).url)
    assert.deepEqual(await found(keys, 'rsa', 'PS256'), [textOf(rsa.publicKey)])
    for (const alg of ['RS256', 'PS384', 'HS256']) assert.deepEqual(await found(keys, 'rsa', alg), [])
  })
})

describe('a token of a remote issuer', () => {
  const pairOf = { EdDSA: ed, Ed25519: ed, ES256: p256, ES384: p384, ES512: p521, RS: rsa, PS: rsa } as const
  const pairFor = (alg: string) => pairOf[(alg in pairOf ? alg : alg.slice(0, 2)) as keyof typeof pairOf]
  const set = {
    keys: [ed, p256, p384, p521, rsa].map(({ publicKey }, index) => jwk(publicKey, { kid: `key ${index}` })),
  }

  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

  function tokenOf(alg: string, key: KeyObject, header: object = {}, claims: object = {}): string {
    const signed = `${part({ alg, ...header })}.${part({ sub: 'alice', exp: second + 600, ...claims })}`
    const pss = alg.startsWith('PS')
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : {}
    const hash = canonical(alg) === 'EdDSA' ? null : `sha${alg.slice(2)}`
    const signature = sign(hash, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363', ...pss })
    return `${signed}.${signature.toString('base64url')}`
  }

  async function newTokens(held: string | undefined = secret, answer = json(set)) {
    const issuer = await newIssuer(answer)
    const { keys, clock } = newKeys(issuer.url)
    const tokens = new Tokens({
      algorithms: [...hmacAlgorithms, ...publicKeyAlgorithms],
      rules: { issuers: [], audiences: [] },
      secrets: [held],
      remoteIssuers: [{ keys, rules: { issuers: [], audiences: [] } }],
      now: () => clock.now,
    })
    const verify = async (token: string) => (await tokens.verify(token)).userId
    return { issuer, clock, tokens, verify }
  }

  for (const alg of publicKeyAlgorithms) {
    const { privateKey, publicKey } = pairFor(alg)
    const kid = set.keys.find(key =>
      JSON.stringify(key).includes(jwk(publicKey).x ?? jwk(publicKey).n ?? '-'),
    )?.kid

    it(`is accepted when it is signed with ${alg}, with its kid and without one`, async () => {
      const { verify, issuer } = await newTokens()
      assert.equal(await verify(tokenOf(alg, privateKey, { kid })), 'alice')
      assert.equal(await verify(tokenOf(alg, privateKey)), 'alice')
      assert.equal(issuer.fetches, 1)
    })

    it(`is rejected when its header says ${alg} and its kid names a key of another type`, async () => {
      const { verify } = await newTokens()
      for (const other of set.keys.filter(key => key.kid !== kid)) {
        await assert.rejects(
          verify(tokenOf(alg, privateKey, { kid: other.kid })),
          refusal(/^the signature does not match$/),
        )
      }
    })
  }

  it('is rejected when its key is not one of the issuer', async () => {
    const { verify } = await newTokens()
    for (const kid of ['key 0', 'unknown', undefined]) {
      await assert.rejects(
        verify(tokenOf('EdDSA', nextEd.privateKey, { kid })),
        refusal(/^the signature does not match$/),
      )
    }
  })

  it('is rejected when its header contains its own key', async () => {
    const { verify } = await newTokens()
    const header = { jwk: jwk(nextEd.publicKey), jku: 'https://evil.example.com/jwks', x5c: ['AAAA'] }
    await assert.rejects(
      verify(tokenOf('EdDSA', nextEd.privateKey, header)),
      refusal(/^the signature does not match$/),
    )
  })

  it('is rejected when its kid is not a string, or with a crit header', async () => {
    const { verify, issuer } = await newTokens()
    await assert.rejects(verify(tokenOf('EdDSA', ed.privateKey, { kid: 7 })), refusal(/^kid is not a text$/))
    await assert.rejects(
      verify(tokenOf('EdDSA', ed.privateKey, { crit: ['b64'] })),
      refusal(/^a crit header$/),
    )
    assert.equal(issuer.fetches, 0)
  })

  it('is rejected when its claims are invalid, and is not remembered', async () => {
    const { verify, clock } = await newTokens()
    const token = tokenOf('ES256', p256.privateKey, {}, { nbf: second + 31 })
    await assert.rejects(verify(token), refusal(/nbf/))
    clock.now += 1000
    assert.equal(await verify(token), 'alice')
    clock.now = (second + 600) * 1000
    await assert.rejects(verify(token), refusal(/^expired$/))
  })

  const texts: readonly (readonly [name: string, text: (key: KeyObject) => string | Buffer])[] = [
    ['PEM (SPKI)', key => key.export({ type: 'spki', format: 'pem' })],
    ['PEM without its last line break', key => key.export({ type: 'spki', format: 'pem' }).toString().trim()],
    ['DER (SPKI)', key => key.export({ type: 'spki', format: 'der' })],
    ['JWK', key => JSON.stringify(jwk(key))],
    ['x or n', key => jwk(key).x ?? jwk(key).n ?? ''],
    ['raw x or n', key => Buffer.from(jwk(key).x ?? jwk(key).n ?? '', 'base64url')],
  ]
  for (const [name, text] of texts) {
    it(`is rejected when it is an HMAC with a public key as the secret, as ${name}`, async () => {
      for (const held of [secret, undefined]) {
        const { verify, issuer } = await newTokens(held)
        for (const { publicKey } of [ed, p256, rsa]) {
          const key = createSecretKey(Buffer.from(text(publicKey)))
          for (const alg of hmacAlgorithms) {
            await assert.rejects(
              verify(signHmac({ sub: 'alice', exp: second + 600 }, key, alg)),
              refusal(/^the signature does not match$/),
            )
          }
        }
        assert.equal(issuer.fetches, 0)
      }
    })
  }

  it('is rejected when it is an HMAC with a shared secret from the key set of the issuer', async () => {
    const text = 'a shared secret of 32 characters'
    const oct = { kty: 'oct', k: Buffer.from(text).toString('base64url'), alg: 'HS256' }
    const { verify } = await newTokens(undefined, json({ keys: [oct, ...set.keys] }))
    assert.equal(await verify(tokenOf('EdDSA', ed.privateKey)), 'alice')
    await assert.rejects(
      verify(signHmac({ sub: 'alice', exp: second + 600 }, createSecretKey(Buffer.from(text)))),
      refusal(/^the signature does not match$/),
    )
  })

  it('causes no fetch when it is an HMAC', async () => {
    const { verify, issuer } = await newTokens(secret, json('', 500))
    const token = signHmac({ sub: 'alice', exp: second + 600 }, createSecretKey(Buffer.from(secret)))
    assert.equal(await verify(token), 'alice')
    assert.equal(issuer.fetches, 0)
  })

  it('waits for the first fetch, and is then verified synchronously', async () => {
    const { tokens } = await newTokens()
    const token = tokenOf('EdDSA', ed.privateKey)
    const waiting = tokens.verify(token)
    assert.ok(waiting instanceof Promise)
    const identity = await waiting
    assert.deepEqual(tokens.verify(token), identity)
    assert.deepEqual(tokens.verify(tokenOf('EdDSA', ed.privateKey, {}, { n: 2 })), identity)
  })

  it('is reported as unverifiable, not as invalid, until the keys can be fetched', async () => {
    const { verify, issuer, clock } = await newTokens(secret, json('', 500))
    const token = tokenOf('EdDSA', ed.privateKey)
    await assert.rejects(verify(token), isAway)
    await assert.rejects(verify(token), isAway)
    issuer.answer = json(set)
    clock.now += halfMinute
    assert.equal(await verify(token), 'alice')
  })

  it('that is remembered is rejected after its key is removed from the set', async () => {
    const { verify, issuer, clock } = await newTokens()
    const year = { exp: second + 31_536_000 }
    const token = tokenOf('EdDSA', ed.privateKey, { kid: 'key 0' }, year)
    const other = tokenOf('ES256', p256.privateKey, { kid: 'key 1' }, year)
    assert.equal(await verify(token), 'alice')
    assert.equal(await verify(other), 'alice')
    issuer.answer = json({ keys: set.keys.slice(1) })
    clock.now += tenMinutes + 1
    // The keys are fetched again although all tokens are remembered.
    while ((await outcome(verify, token)) === 'alice') await setImmediate()
    assert.match(await outcome(verify, token), /^the signature does not match$/)
    assert.equal(await verify(other), 'alice')
    assert.equal(issuer.fetches, 2)
  })

  const replaced: readonly (readonly [name: string, keys: object[]])[] = [
    ['an empty set', []],
    ['another key under its kid', [jwk(nextEd.publicKey, { kid: 'key 0' })]],
    ['its key under another kid', [jwk(ed.publicKey, { kid: 'other' })]],
    ['its key for another algorithm', [jwk(ed.publicKey, { kid: 'key 0', alg: 'ES256' })]],
    ['its key for encryption', [jwk(ed.publicKey, { kid: 'key 0', use: 'enc' }), jwk(rsa.publicKey)]],
  ]
  for (const [name, keys] of replaced) {
    it(`that is remembered is rejected once the issuer publishes ${name}`, async () => {
      const { verify, issuer, clock } = await newTokens()
      const token = tokenOf('EdDSA', ed.privateKey, { kid: 'key 0' })
      assert.equal(await verify(token), 'alice')
      issuer.answer = json({ keys })
      clock.now += halfMinute
      // An unknown kid causes another fetch.
      await assert.rejects(verify(tokenOf('EdDSA', nextEd.privateKey, { kid: 'unknown' })))
      assert.match(await outcome(verify, token), /^the signature does not match$/)
    })
  }

  for (const [name, answer] of [
    ['an error', json('', 500)],
    ['no JSON', json('<!doctype html>')],
    ['no readable key', json({ keys: [null, { kty: 'PQ' }] })],
  ] as const) {
    it(`stays valid while the issuer answers with ${name}`, async () => {
      const { verify, issuer, clock } = await newTokens()
      const token = tokenOf('EdDSA', ed.privateKey, { kid: 'key 0' })
      assert.equal(await verify(token), 'alice')
      issuer.answer = answer
      clock.now += halfMinute
      await assert.rejects(verify(tokenOf('EdDSA', nextEd.privateKey, { kid: 'unknown' })))
      assert.equal(issuer.fetches, 2)
      assert.equal(await verify(token), 'alice')
    })
  }

  async function outcome(verify: (token: string) => Promise<string>, token: string): Promise<string> {
    return verify(token).catch((error: Error) => error.message)
  }
})
