import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { describe, it } from 'node:test'
import { hmacAlgorithms, publicKeyAlgorithms } from '../config/algorithms.ts'
import { signHmac } from './jwt.ts'
import { TokenError } from './token-error.ts'
import { type TokenOptions, Tokens } from './tokens.ts'

const second = 1_700_000_000
const secret = 'correct horse battery staple 12345'
const keyOf = (text: string) => createSecretKey(Buffer.from(text))
const key = keyOf(secret)

/** Verified tokens, with a clock that the test sets. */
function newTokens(options: Partial<TokenOptions> = {}) {
  const clock = { now: second * 1000 }
  const tokens = new Tokens({
    algorithms: hmacAlgorithms,
    rules: { issuers: [], audiences: [] },
    secrets: [secret],
    now: () => clock.now,
    ...options,
  })
  return { tokens, clock }
}

const tokenOf = (claims: object = {}, alg: (typeof hmacAlgorithms)[number] = 'HS256') =>
  signHmac({ sub: 'alice', exp: second + 600, ...claims }, key, alg)

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function refusal(reason: RegExp, expired = false) {
  return (error: unknown) => {
    assert.ok(error instanceof TokenError, `not a TokenError: ${error}`)
    assert.match(error.message, reason)
    assert.equal(error.expired, expired)
    return true
  }
}

describe('an HMAC token', () => {
  for (const alg of hmacAlgorithms) {
    it(`of ${alg} is accepted synchronously`, () => {
      const { tokens } = newTokens()
      assert.deepEqual(tokens.verify(tokenOf({}, alg)), {
        userId: 'alice',
        expiresAt: (second + 600) * 1000,
      })
    })

    it(`of ${alg} is rejected if another algorithm is configured`, () => {
      const { tokens } = newTokens({ algorithms: hmacAlgorithms.filter(name => name !== alg) })
      assert.throws(() => tokens.verify(tokenOf({}, alg)), refusal(/algorithm that is not accepted/))
    })
  }

  it('signed with another secret is rejected', () => {
    const { tokens } = newTokens()
    const token = signHmac({ sub: 'alice', exp: second + 600 }, keyOf('another secret of 32 characters.'))
    assert.throws(() => tokens.verify(token), refusal(/^the signature does not match$/))
  })

  it('signed with an empty secret is rejected, with and without a configured secret', () => {
    const token = signHmac({ sub: 'alice', exp: second + 600 }, createSecretKey(Buffer.alloc(0)))
    for (const held of [[secret], []]) {
      const { tokens } = newTokens({ secrets: held })
      assert.throws(() => tokens.verify(token), refusal(/^the signature does not match$/))
    }
  })

  it('is rejected without a configured secret', () => {
    const { tokens } = newTokens({ secrets: [] })
    assert.throws(() => tokens.verify(tokenOf()), refusal(/^the signature does not match$/))
  })

  it('whose payload was changed is rejected', () => {
    const { tokens } = newTokens()
    const token = tokenOf()
    tokens.verify(token)
    const [header, , signature] = token.split('.')
    const forged = `${header}.${part({ sub: 'bob', exp: second + 600 })}.${signature}`
    assert.throws(() => tokens.verify(forged), refusal(/^the signature does not match$/))
  })

  it('whose header was changed is rejected', () => {
    const { tokens } = newTokens()
    const [, payload, signature] = tokenOf().split('.')
    for (const header of [{ alg: 'HS384' }, { alg: 'HS256' }, { alg: 'HS256', typ: 'JWT', kid: 'x' }]) {
      assert.throws(
        () => tokens.verify(`${part(header)}.${payload}.${signature}`),
        refusal(/^the signature does not match$/),
      )
    }
  })

  const others = ['none', 'None', 'hs256', '', 'HS1', 'constructor', '__proto__', 'toString', 'dir', 'ES256K']
  for (const alg of [...others, ...publicKeyAlgorithms]) {
    it(`that says "${alg}" is rejected`, () => {
      const { tokens } = newTokens()
      const [, payload, signature] = tokenOf().split('.')
      const start = `${part({ alg })}.${payload}`
      assert.throws(() => tokens.verify(`${start}.${signature}`), refusal(/algorithm that is not accepted/))
      assert.throws(() => tokens.verify(`${start}.`), refusal(/^not three base64url parts$/))
      assert.throws(() => tokens.verify(start), refusal(/^not three base64url parts$/))
    })
  }

  it('with a public-key algorithm is rejected without a configured issuer', () => {
    const { tokens } = newTokens({ algorithms: publicKeyAlgorithms })
    const [, payload, signature] = tokenOf().split('.')
    assert.throws(
      () => tokens.verify(`${part({ alg: 'EdDSA' })}.${payload}.${signature}`),
      refusal(/^an algorithm that is not accepted$|^a key that is not known$/),
    )
  })

  it('of more than 8 KiB is rejected, even with a valid signature', () => {
    const { tokens } = newTokens()
    assert.throws(() => tokens.verify(tokenOf({ more: 'x'.repeat(8192) })), refusal(/^longer than 8 KiB$/))
  })

  it('must have the configured issuer and audience', () => {
    const { tokens } = newTokens({ rules: { issuers: ['https://me'], audiences: ['tasks'] } })
    const good = { iss: 'https://me', aud: ['tasks', 'mail'] }
    assert.deepEqual(tokens.verify(tokenOf(good)), { userId: 'alice', expiresAt: (second + 600) * 1000 })
    assert.throws(() => tokens.verify(tokenOf({ ...good, iss: 'https://you' })), refusal(/iss/))
    assert.throws(() => tokens.verify(tokenOf({ ...good, aud: 'mail' })), refusal(/aud/))
    assert.throws(() => tokens.verify(tokenOf()), refusal(/iss/))
  })

  it('is read with the configured user claim and tolerance', () => {
    const { tokens } = newTokens({ userClaim: 'user.id', clockSkew: 300 })
    assert.deepEqual(tokens.verify(tokenOf({ user: { id: 7 }, iat: second + 300 })), {
      userId: '7',
      expiresAt: (second + 600) * 1000,
    })
    assert.throws(() => tokens.verify(tokenOf()), refusal(/^no user\.id$/))
  })
})

// The clock is set back to before the `nbf` of a token: a remembered token is accepted without
// another check, any other one is rejected.
describe('an accepted token', () => {
  const minute = 60_000
  const notBefore = (user: number) => tokenOf({ sub: `user ${user}`, nbf: second })

  it('is remembered', () => {
    const { tokens, clock } = newTokens()
    const token = notBefore(1)
    const first = tokens.verify(token)
    clock.now -= minute
    assert.deepEqual(tokens.verify(token), first)
    assert.throws(() => tokens.verify(notBefore(2)), refusal(/nbf/), 'another one is read')
  })

  it('expires at its exp all the same', () => {
    const { tokens, clock } = newTokens()
    const token = tokenOf()
    tokens.verify(token)
    clock.now = (second + 600) * 1000 - 1
    tokens.verify(token)
    clock.now = (second + 600) * 1000
    assert.throws(() => tokens.verify(token), refusal(/^expired$/, true))
    clock.now += minute
    assert.throws(() => tokens.verify(token), refusal(/^expired$/, true))
  })

  it('is not confused with a token that differs in one character of the signature', () => {
    const { tokens } = newTokens()
    const token = tokenOf()
    tokens.verify(token)
    const at = token.length - 10
    const forged = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
    assert.throws(() => tokens.verify(forged), refusal(/^the signature does not match$/))
  })

  it('is forgotten after twice as many others as the limit', () => {
    const { tokens, clock } = newTokens({ remembered: 3 })
    const all = Array.from({ length: 100 }, (_, user) => notBefore(user))
    for (const token of all) tokens.verify(token)
    clock.now -= minute
    const known = all.filter(token => isKnown(tokens, token))
    assert.ok(known.length >= 3 && known.length <= 6, `${known.length} are known`)
    assert.ok(known.every(token => all.indexOf(token) >= 94))
  })

  it('stays remembered while it is in use', () => {
    const { tokens, clock } = newTokens({ remembered: 3 })
    const [used = '', idle = '', ...others] = Array.from({ length: 100 }, (_, user) => notBefore(user))
    tokens.verify(idle)
    tokens.verify(used)
    for (const token of others) {
      tokens.verify(token)
      clock.now -= minute
      assert.equal(isKnown(tokens, used), true)
      clock.now += minute
    }
    clock.now -= minute
    assert.equal(isKnown(tokens, idle), false)
  })

  function isKnown(tokens: Tokens, token: string): boolean {
    try {
      tokens.verify(token)
      return true
    } catch {
      return false
    }
  }
})

describe('a rejected token', () => {
  it('is not remembered, and is accepted once it is valid', () => {
    const { tokens, clock } = newTokens()
    const token = tokenOf({ nbf: second + 31 })
    assert.throws(() => tokens.verify(token), refusal(/nbf/))
    clock.now += 1000
    assert.deepEqual(tokens.verify(token), { userId: 'alice', expiresAt: (second + 600) * 1000 })
  })

  const never: readonly (readonly [name: string, token: string, reason: RegExp, expired?: boolean])[] = [
    ['with a wrong signature', `${tokenOf().slice(0, -9)}AAAAAAAAA`, /^the signature does not match$/],
    ['after its end', tokenOf({ exp: second - 1 }), /^expired$/, true],
    ['without exp', tokenOf({ exp: undefined }), /^no exp$/],
    ['without a user', tokenOf({ sub: undefined }), /^no sub, user_id, id, user\.id$/],
    ['with a lone surrogate in sub', tokenOf({ sub: 'a\ud800' }), /^sub is no user id$/],
    ['as garbage', 'garbage', /^not three base64url parts$/],
  ]
  for (const [name, token, reason, expired] of never) {
    it(`${name} is rejected every time, for the same reason`, () => {
      const { tokens } = newTokens()
      for (let time = 0; time < 3; time++) assert.throws(() => tokens.verify(token), refusal(reason, expired))
    })
  }

  it('does not displace an accepted one', () => {
    const { tokens, clock } = newTokens({ remembered: 1 })
    const token = tokenOf({ nbf: second })
    tokens.verify(token)
    for (let user = 0; user < 10; user++) {
      assert.throws(() => tokens.verify(tokenOf({ sub: `user ${user}`, exp: second })), refusal(/./, true))
    }
    clock.now -= 60_000
    assert.deepEqual(tokens.verify(token), { userId: 'alice', expiresAt: (second + 600) * 1000 })
  })
})
