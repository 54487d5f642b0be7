import assert from 'node:assert/strict'
import {
  constants,
  createHmac,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { describe, it } from 'node:test'
import { hmacAlgorithms, publicKeyAlgorithms } from '../config/algorithms.ts'
import { type ClaimOptions, readClaims } from './claims.ts'
import { canonical, type Jwt, keyFits, parseJwt, signHmac, verifyHmac, verifyPublic } from './jwt.ts'
import { TokenError } from './token-error.ts'

const second = 1_700_000_000
const now = second * 1000
const unchecked: ClaimOptions = { issuers: [], audiences: [] }
const secretOf = (text: string) => createSecretKey(Buffer.from(text))
const secret = secretOf('correct horse battery staple 12345')

const part = (value: unknown) =>
  (Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))).toString('base64url')

const tokenOf = (header: unknown, payload: unknown = { sub: 'alice' }, signature = 'c2ln') =>
  `${part(header)}.${part(payload)}.${signature}`

function refusal(reason: RegExp, expired = false) {
  return (error: unknown) => {
    assert.ok(error instanceof TokenError, `not a TokenError: ${error}`)
    assert.match(error.message, reason)
    assert.equal(error.expired, expired)
    return true
  }
}

describe('a token in compact serialization', () => {
  it('is split into header, claims and signature', () => {
    const token = tokenOf({ alg: 'EdDSA', kid: 'key 1', typ: 'JWT' }, { sub: 'älice', exp: 7 })
    assert.deepEqual(parseJwt(token), {
      alg: 'EdDSA',
      kid: 'key 1',
      claims: { sub: 'älice', exp: 7 },
      signed: token.slice(0, token.lastIndexOf('.')),
      signature: Buffer.from('sig'),
    })
  })

  it('may omit kid', () => {
    assert.equal(parseJwt(tokenOf({ alg: 'HS256' })).kid, undefined)
  })

  it('may have 8 KiB, and not one character more', () => {
    const start = tokenOf({ alg: 'HS256' }, { sub: 'alice' }, '')
    const full = start.padEnd(8192, 'A')
    assert.equal(parseJwt(full).alg, 'HS256')
    assert.throws(() => parseJwt(`${full}A`), refusal(/^longer than 8 KiB$/))
  })

  const good = tokenOf({ alg: 'HS256' })
  const garbage = [
    '',
    '.',
    '..',
    'undefined',
    'a.b',
    'a.b.c.d',
    'a.b.c.d.e',
    ` ${good}`,
    `${good}\n`,
    `${good}=`,
    `${good}.`,
    good.replace('.', '..'),
    good.slice(0, good.lastIndexOf('.')),
    good.slice(0, good.lastIndexOf('.') + 1),
    good.replace('.', '.+'),
    good.replace('.', './'),
    good.replace('.', '.é'),
    good.replace('.', '.\0'),
  ]
  for (const token of garbage) {
    it(`is rejected: ${JSON.stringify(token)}`, () => {
      assert.throws(() => parseJwt(token), refusal(/^not three base64url parts$/))
    })
  }

  const broken: readonly (readonly [name: string, header: unknown, payload: unknown, reason: RegExp])[] = [
    ['whose header is not JSON', Buffer.from('{alg'), {}, /^the header is no JSON$/],
    ['whose header is a string', 'HS256', {}, /^the header is no object$/],
    ['whose header is an array', [{ alg: 'HS256' }], {}, /^the header is no object$/],
    ['whose header is null', null, {}, /^the header is no object$/],
    ['without an alg', { typ: 'JWT' }, {}, /^no alg$/],
    ['whose alg is null', { alg: null }, {}, /^no alg$/],
    ['whose alg is an array', { alg: ['HS256'] }, {}, /^no alg$/],
    ['whose kid is a number', { alg: 'HS256', kid: 1 }, {}, /^kid is not a text$/],
    ['whose kid is null', { alg: 'HS256', kid: null }, {}, /^kid is not a text$/],
    ['whose kid is an object', { alg: 'HS256', kid: {} }, {}, /^kid is not a text$/],
    ['with a crit header', { alg: 'HS256', crit: ['exp'] }, {}, /^a crit header$/],
    ['with an empty crit header', { alg: 'HS256', crit: [] }, {}, /^a crit header$/],
    ['with a crit header of null', { alg: 'HS256', crit: null }, {}, /^a crit header$/],
    ['whose payload is not JSON', { alg: 'HS256' }, Buffer.from('hello'), /^the payload is no JSON$/],
    ['whose payload is a string', { alg: 'HS256' }, 'alice', /^the payload is no object$/],
    ['whose payload is an array', { alg: 'HS256' }, [], /^the payload is no object$/],
    ['whose payload is null', { alg: 'HS256' }, null, /^the payload is no object$/],
  ]
  for (const [name, header, payload, reason] of broken) {
    it(`${name} is rejected`, () => assert.throws(() => parseJwt(tokenOf(header, payload)), refusal(reason)))
  }

  // "a UTF-8-encoded representation of a completely valid JSON object" (RFC 7519, 7.2)
  for (const bytes of ['ff', 'c3', 'eda080']) {
    it(`whose payload is not UTF-8 is rejected: ${bytes}`, () => {
      const payload = Buffer.concat([
        Buffer.from('{"sub":"a'),
        Buffer.from(bytes, 'hex'),
        Buffer.from('","exp":9999999999}'),
      ])
      assert.throws(() => parseJwt(tokenOf({ alg: 'HS256' }, payload)), refusal(/^the payload is no JSON$/))
    })
  }
})

describe('an HMAC', () => {
  it('is valid for the example of RFC 7515, A.1', () => {
    const key = createSecretKey(
      Buffer.from(
        'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
        'base64url',
      ),
    )
    const token = [
      'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9',
      'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ',
      'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    ].join('.')
    assert.equal(verifyHmac(parseJwt(token), key), true)
  })

  for (const alg of hmacAlgorithms) {
    it(`of ${alg} is valid only for the signed text and the secret`, () => {
      const jwt = parseJwt(signHmac({ sub: 'alice' }, secret, alg))
      assert.deepEqual([jwt.alg, jwt.claims], [alg, { sub: 'alice' }])
      assert.equal(verifyHmac(jwt, secret), true)
      assert.equal(verifyHmac(jwt, secretOf('another secret of 32 characters.')), false)
      assert.equal(verifyHmac({ ...jwt, signed: `${jwt.signed}A` }, secret), false)
      for (const other of hmacAlgorithms.filter(name => name !== alg)) {
        assert.equal(verifyHmac({ ...jwt, alg: other }, secret), false)
      }
      const flipped = Buffer.from(jwt.signature)
      flipped[0] = (flipped[0] ?? 0) ^ 1
      const cut = jwt.signature.subarray(1)
      for (const signature of [flipped, cut, Buffer.alloc(0), Buffer.concat([jwt.signature, cut])]) {
        assert.equal(verifyHmac({ ...jwt, signature }, secret), false)
      }
    })
  }

  for (const alg of ['none', 'hs256', 'HS1', '', ...publicKeyAlgorithms]) {
    it(`is never valid for the alg "${alg}"`, () => {
      const jwt = parseJwt(signHmac({ sub: 'alice' }, secret))
      assert.equal(verifyHmac({ ...jwt, alg }, secret), false)
    })
  }

  it('covers the bytes that were sent, not the JSON that they encode', () => {
    const signed = `${part(Buffer.from('{ "alg":"HS256" }'))}.${part(Buffer.from('{"sub" : "alice"}'))}`
    const signature = createHmac('sha256', secret).update(signed).digest('base64url')
    assert.equal(verifyHmac(parseJwt(`${signed}.${signature}`), secret), true)
  })
})

const pairs = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  shortRsa: generateKeyPairSync('rsa', { modulusLength: 1024 }),
  ed25519: generateKeyPairSync('ed25519'),
  ed448: generateKeyPairSync('ed448'),
  x25519: generateKeyPairSync('x25519'),
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  k256: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
} as const
type Kind = keyof typeof pairs

const kindOf: Readonly<Record<(typeof publicKeyAlgorithms)[number], Kind>> = {
  EdDSA: 'ed25519',
  Ed25519: 'ed25519',
  ES256: 'p256',
  ES384: 'p384',
  ES512: 'p521',
  RS256: 'rsa',
  RS384: 'rsa',
  RS512: 'rsa',
  PS256: 'rsa',
  PS384: 'rsa',
  PS512: 'rsa',
}

/** Signed by node:crypto, as RFC 7518 and RFC 8037 specify. */
function signed(alg: string, key: KeyObject, options: object = {}): Jwt {
  const token = `${part({ alg })}.${part({ sub: 'alice' })}`
  const hash = kindOf[alg as keyof typeof kindOf] === 'ed25519' ? null : `sha${alg.slice(2)}`
  const pss = alg.startsWith('PS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : {}
  const signature = sign(hash, Buffer.from(token), { key, dsaEncoding: 'ieee-p1363', ...pss, ...options })
  return parseJwt(`${token}.${signature.toString('base64url')}`)
}

describe('a signature with a private key', () => {
  it('is valid for the example of RFC 7515, A.3', () => {
    const key = createPublicKey({
      format: 'jwk',
      key: {
        kty: 'EC',
        crv: 'P-256',
        x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
        y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
      },
    })
    const token = [
      'eyJhbGciOiJFUzI1NiJ9',
      'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ',
      'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q',
    ].join('.')
    assert.equal(verifyPublic(parseJwt(token), key), true)
  })

  it('is valid for the example of RFC 8037, A.4', () => {
    const key = createPublicKey({
      format: 'jwk',
      key: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    })
    const jwt = {
      alg: 'EdDSA',
      kid: undefined,
      claims: {},
      signed: 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc',
      signature: Buffer.from(
        'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
        'base64url',
      ),
    }
    assert.equal(verifyPublic(jwt, key), true)
  })

  for (const alg of publicKeyAlgorithms) {
    const { publicKey, privateKey } = pairs[kindOf[alg]]

    it(`of ${alg} is valid with its public key`, () => {
      assert.equal(verifyPublic(signed(alg, privateKey), publicKey), true)
    })

    it(`of ${alg} is not valid after a change of the header, the payload or the signature`, () => {
      const jwt = signed(alg, privateKey)
      const [header, payload] = jwt.signed.split('.')
      const another = part({ sub: 'mallory' })
      assert.equal(verifyPublic({ ...jwt, signed: `${header}.${another}` }, publicKey), false)
      assert.equal(
        verifyPublic({ ...jwt, signed: `${part({ alg, kid: 'x' })}.${payload}` }, publicKey),
        false,
      )
      const flipped = Buffer.from(jwt.signature)
      flipped[9] = (flipped[9] ?? 0) ^ 1
      assert.equal(verifyPublic({ ...jwt, signature: flipped }, publicKey), false)
      for (const length of [0, 1, 63, 64, 65, 96, 132, 255, 256, 257, 6000]) {
        assert.equal(verifyPublic({ ...jwt, signature: Buffer.alloc(length) }, publicKey), false)
      }
    })

    it(`of ${alg} is valid only with a key of its type`, () => {
      for (const [kind, { publicKey: candidate }] of Object.entries(pairs)) {
        assert.equal(keyFits(candidate, alg), kind === kindOf[alg], kind)
      }
      const jwt = signed(alg, privateKey)
      for (const other of publicKeyAlgorithms.filter(name => canonical(name) !== canonical(alg))) {
        assert.equal(verifyPublic({ ...jwt, alg: other }, publicKey), false, other)
      }
    })
  }

  for (const alg of [
    ...hmacAlgorithms,
    'none',
    '',
    'ES256K',
    'eddsa',
    'constructor',
    '__proto__',
    'toString',
  ]) {
    it(`is never valid for the alg "${alg}"`, () => {
      for (const { publicKey } of Object.values(pairs)) {
        assert.equal(keyFits(publicKey, alg), false)
        assert.equal(verifyPublic({ ...signed('EdDSA', pairs.ed25519.privateKey), alg }, publicKey), false)
      }
    })
  }

  it('with an RSA key of less than 2048 bits is not valid', () => {
    assert.equal(verifyPublic(signed('RS256', pairs.shortRsa.privateKey), pairs.shortRsa.publicKey), false)
  })

  it('of ECDSA is not valid in DER form (RFC 7518, 3.4)', () => {
    const jwt = signed('ES256', pairs.p256.privateKey, { dsaEncoding: 'der' })
    assert.equal(verifyPublic(jwt, pairs.p256.publicKey), false)
  })

  it('of RSASSA-PSS is not valid with a salt shorter than the hash (RFC 7518, 3.5)', () => {
    const jwt = signed('PS256', pairs.rsa.privateKey, { saltLength: 8 })
    assert.equal(verifyPublic(jwt, pairs.rsa.publicKey), false)
  })
})

describe('the claims', () => {
  const claims = { sub: 'alice', exp: second + 60 }

  it('contain the user and the expiry', () => {
    assert.deepEqual(readClaims(claims, unchecked, now), { userId: 'alice', expiresAt: now + 60_000 })
  })

  const accepted: readonly (readonly [name: string, claims: object])[] = [
    ['exp is a second ahead', { exp: second + 1 }],
    ['exp is a fraction of a second ahead', { exp: second + 0.001 }],
    ['exp is far ahead', { exp: 1e300 }],
    ['nbf is in the past', { nbf: second - 60 }],
    ['nbf is now', { nbf: second }],
    ['nbf is 30 s ahead', { nbf: second + 30 }],
    ['nbf is null', { nbf: null }],
    ['iat is in the past', { iat: second - 60 }],
    ['iat is 30 s ahead', { iat: second + 30 }],
    ['iat is null', { iat: null }],
    ['iss and aud are null and not required', { iss: null, aud: null }],
    ['iat is 0', { iat: 0 }],
    ['iss and aud are present and not required', { iss: 'anyone', aud: ['anything'] }],
    ['there are other claims', { name: null, roles: [{}] }],
  ]
  for (const [name, more] of accepted) {
    it(`are valid when ${name}`, () => {
      assert.equal(readClaims({ ...claims, ...more }, unchecked, now).userId, 'alice')
    })
  }

  const refused: readonly (readonly [name: string, claims: object, reason: RegExp])[] = [
    ['exp is missing', { exp: undefined }, /^no exp$/],
    ['exp is null', { exp: null }, /^no exp$/],
    ['exp is a string', { exp: String(second + 60) }, /^exp is not a time$/],
    ['exp is infinite', { exp: Number.POSITIVE_INFINITY }, /^exp is not a time$/],
    ['exp is true', { exp: true }, /^exp is not a time$/],
    ['nbf is 31 s ahead', { nbf: second + 31 }, /nbf/],
    ['nbf is just over 30 s ahead', { nbf: second + 30.001 }, /nbf/],
    ['nbf is a string', { nbf: '0' }, /^nbf is not a time$/],
    ['iat is 31 s ahead', { iat: second + 31 }, /iat/],
    ['iat is a string', { iat: 'now' }, /^iat is not a time$/],
  ]
  for (const [name, more, reason] of refused) {
    it(`are rejected when ${name}`, () => {
      assert.throws(() => readClaims({ ...claims, ...more }, unchecked, now), refusal(reason))
    })
  }

  for (const [name, exp] of [
    ['now', second],
    ['a second ago', second - 1],
    ['3 s ago, since the tolerance does not apply to exp', second - 3],
    ['a year ago', second - 31_536_000],
    ['0', 0],
    ['before the epoch', -1],
  ] as const) {
    it(`have expired when exp is ${name}`, () => {
      assert.throws(() => readClaims({ ...claims, exp }, unchecked, now), refusal(/^expired$/, true))
    })
  }

  it('apply the configured tolerance to nbf and iat', () => {
    for (const name of ['nbf', 'iat']) {
      const read = (ahead: number, clockSkew: number) =>
        readClaims({ ...claims, [name]: second + ahead }, { ...unchecked, clockSkew }, now)
      assert.equal(read(0, 0).userId, 'alice')
      assert.equal(read(120, 120).userId, 'alice')
      assert.throws(() => read(1, 0), refusal(new RegExp(name)))
      assert.throws(() => read(121, 120), refusal(new RegExp(name)))
    }
  })

  it('are rejected when exp is infinite in JSON, as 1e999', () => {
    const endless = JSON.parse('{"sub":"alice","exp":1e999}')
    assert.throws(() => readClaims(endless, unchecked, now), refusal(/^exp is not a time$/))
  })

  const rules = { issuers: ['https://me'], audiences: ['tasks'] }
  const good = { ...claims, iss: 'https://me', aud: 'tasks' }
  it('are valid with the required issuer and audience', () => {
    for (const aud of ['tasks', ['tasks'], ['mail', 'tasks'], [7, null, 'tasks']]) {
      assert.equal(readClaims({ ...good, aud }, rules, now).userId, 'alice')
    }
  })
  for (const iss of [
    undefined,
    null,
    '',
    'https://me/',
    'HTTPS://ME',
    ['https://me'],
    { url: 'https://me' },
  ]) {
    it(`are rejected with the iss ${JSON.stringify(iss)}`, () => {
      assert.throws(() => readClaims({ ...good, iss }, rules, now), refusal(/iss/))
      assert.equal(readClaims({ ...good, iss }, { ...rules, issuers: [] }, now).userId, 'alice')
    })
  }
  for (const aud of [
    undefined,
    null,
    '',
    'Tasks',
    'tasks mail',
    [],
    ['mail'],
    [['tasks']],
    { tasks: true },
  ]) {
    it(`are rejected with the aud ${JSON.stringify(aud)}`, () => {
      assert.throws(() => readClaims({ ...good, aud }, rules, now), refusal(/aud/))
      assert.equal(readClaims({ ...good, aud }, { ...rules, audiences: [] }, now).userId, 'alice')
    })
  }
})

describe('the user of a token', () => {
  const read = (claims: object) => readClaims({ exp: second + 60, ...claims }, unchecked, now).userId

  const accepted: readonly (readonly [name: string, claims: object, userId: string])[] = [
    ['is its sub', { sub: 'alice' }, 'alice'],
    ['is its user_id where there is no sub', { user_id: 'alice' }, 'alice'],
    ['is its id where there is neither', { id: 'alice' }, 'alice'],
    [
      'is its user.id where there is none of these, as in Better Auth’s cookie cache',
      { session: { userId: 'alice' }, user: { id: 'alice' } },
      'alice',
    ],
    ['is the first of them: sub before user_id', { sub: 'alice', user_id: 'bob' }, 'alice'],
    ['is the first of them: user_id before id', { user_id: 7, id: 8 }, '7'],
    ['is the first of them: id before user.id', { id: 'alice', user: { id: 'bob' } }, 'alice'],
    ['is the next where one is null', { sub: null, user_id: null, id: 'alice' }, 'alice'],
    ['is user.id where the others are null', { sub: null, user_id: null, id: null, user: { id: 7 } }, '7'],
    ['may be an integer, which becomes text', { sub: 7 }, '7'],
    ['may be zero', { id: 0 }, '0'],
    ['may be negative', { sub: -7 }, '-7'],
    ['may be the greatest safe integer', { sub: Number.MAX_SAFE_INTEGER }, '9007199254740991'],
    ['keeps leading zeros of a string', { sub: '007' }, '007'],
    ['keeps upper and lower case and spaces', { sub: ' Alice B ' }, ' Alice B '],
    ['may be in any script, and an emoji', { sub: 'Ωμέγα 🐑' }, 'Ωμέγα 🐑'],
    ['may be of 255 characters', { sub: '🐑'.repeat(255) }, '🐑'.repeat(255)],
    ['may look like SQL', { sub: `'; DROP TABLE` }, `'; DROP TABLE`],
  ]
  for (const [name, claims, userId] of accepted) {
    it(name, () => assert.equal(read(claims), userId))
  }

  const refused: readonly (readonly [name: string, claims: object, reason: RegExp])[] = [
    ['is there', {}, /^no sub, user_id, id, user\.id$/],
    ['is not null', { sub: null }, /^no sub, user_id, id, user\.id$/],
    [
      'is not read from a later claim if an earlier one is invalid',
      { sub: '', user_id: 'alice' },
      /^sub is no user id$/,
    ],
    ['is not read from a path into a string', { user: 'alice' }, /^no sub/],
    ['is not read from a path into an array', { user: ['alice'] }, /^no sub/],
    ['is not an object at the end of a path', { user: { id: { id: 'alice' } } }, /^user\.id is no user id$/],
    ['is not a fraction', { sub: 1.5 }, /^sub is no user id$/],
    ['is not an integer beyond 2^53', { sub: 2 ** 53 }, /^sub is no user id$/],
    ['is not a boolean', { sub: true }, /^sub is no user id$/],
    ['is not an array', { sub: ['alice'] }, /^sub is no user id$/],
    ['is not an object', { id: { sub: 'alice' } }, /^id is no user id$/],
    ['is not empty', { sub: '' }, /^sub is no user id$/],
    ['is not of 256 characters', { sub: 'a'.repeat(256) }, /^sub is no user id$/],
    ['contains no NUL', { sub: 'ali\0ce' }, /^sub is no user id$/],
    ['contains no line break', { sub: 'alice\n' }, /^sub is no user id$/],
    ['contains no carriage return', { sub: 'alice\r\nbob' }, /^sub is no user id$/],
    ['contains no escape character', { sub: '\u001b[31malice' }, /^sub is no user id$/],
    ['contains no DEL', { sub: 'alice\u007f' }, /^sub is no user id$/],
    ['contains no C1 control character', { sub: 'alice\u0085' }, /^sub is no user id$/],
    ['contains no lone leading surrogate', { sub: 'alice\ud83d' }, /^sub is no user id$/],
    ['contains no lone trailing surrogate', { user_id: '\udc11alice' }, /^user_id is no user id$/],
  ]
  for (const [name, claims, reason] of refused) {
    it(name, () => assert.throws(() => read(claims), refusal(reason)))
  }

  it('is not read from an inherited property', () => {
    assert.throws(
      () => read(JSON.parse(`{"exp":${second + 60},"__proto__":{"sub":"alice"}}`)),
      refusal(/^no sub/),
    )
  })

  const named: readonly (readonly [claim: string, claims: object, userId: string | RegExp])[] = [
    ['email', { sub: 'a', email: 'alice@example.com' }, 'alice@example.com'],
    ['data.user.uid', { sub: 'a', data: { user: { uid: 7 } } }, '7'],
    ['session.userId', { session: { userId: 'alice' } }, 'alice'],
    ['https://example.com/user_id', { 'https://example.com/user_id': 'alice' }, 'alice'],
    ['user.id', { 'user.id': 'alice', user: { id: 'bob' } }, 'alice'],
    ['user.id', { 'user.id': null, user: { id: 'bob' } }, 'bob'],
    ['uid', { sub: 'alice' }, /^no uid$/],
    ['uid', { sub: 'alice', uid: null }, /^no uid$/],
    ['uid', { sub: 'alice', uid: '' }, /^uid is no user id$/],
    ['uid', { sub: 'alice', uid: true }, /^uid is no user id$/],
    ['uid', { sub: 'alice', uid: 1.5 }, /^uid is no user id$/],
    ['user', { sub: 'alice', user: { id: 'alice' } }, /^user is no user id$/],
    ['user.constructor.name', { user: {} }, /^no user\.constructor\.name$/],
    ['constructor', {}, /^no constructor$/],
  ]
  for (const [userClaim, claims, expected] of named) {
    it(`is read from the configured claim ${userClaim}, of ${JSON.stringify(claims)}`, () => {
      const options = { ...unchecked, userClaim }
      const readNamed = () => readClaims({ exp: second + 60, ...claims }, options, now).userId
      if (typeof expected === 'string') assert.equal(readNamed(), expected)
      else assert.throws(readNamed, refusal(expected))
    })
  }
})
