import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { testSecret } from './served.ts'

// Invalid tokens of `user`, as values of the Authorization header.

type Header = string | readonly string[]
type Part = object | string

const encode = (part: Part) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
const hmac = (signed: string, hash = 'sha256', secret = testSecret) =>
  createHmac(hash, secret).update(signed).digest('base64url')

/** A token with a valid signature. */
function signed(header: Part, payload: Part, hash = 'sha256', secret = testSecret): string {
  const text = `${encode(header)}.${encode(payload)}`
  return `${text}.${hmac(text, hash, secret)}`
}

export function badTokens(user: string): Readonly<Record<string, Header | undefined>> {
  const now = Math.floor(Date.now() / 1000)
  const head = { alg: 'HS256', typ: 'JWT' }
  const claims = { sub: user, exp: now + 3600 }
  const good = signed(head, claims)
  const [header = '', payload = '', signature = ''] = good.split('.')
  const stranger = encode({ ...claims, sub: `${user}x` })
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const own = `${encode({ alg: 'EdDSA', jwk: publicKey.export({ format: 'jwk' }) })}.${payload}`
  const bearer = (token: string) => `Bearer ${token}`
  const tokens: Record<string, string> = {
    'no token after the scheme': '',
    'no JWT': 'x',
    dots: '..',
    'two segments': `${header}.${payload}`,
    'four segments': `${good}.x`,
    expired: signed(head, { ...claims, exp: now - 1 }),
    'not yet valid': signed(head, { ...claims, nbf: now + 60 }),
    'issued in the future': signed(head, { ...claims, iat: now + 60 }),
    'no exp': signed(head, { sub: user }),
    'exp as a string': signed(head, { ...claims, exp: String(now + 3600) }),
    'exp as an infinite number': signed(head, `{"sub":"${user}","exp":1e999}`),
    'exp as null': signed(head, { ...claims, exp: null }),
    'another secret': signed(head, claims, 'sha256', 'another secret that is long enough for it'),
    'the empty secret': signed(head, claims, 'sha256', ''),
    'alg none': `${encode({ alg: 'none' })}.${payload}.`,
    'alg nOnE with a signature': `${encode({ alg: 'nOnE' })}.${payload}.${signature}`,
    'no alg': signed({ typ: 'JWT' }, claims),
    'alg as an array': signed({ alg: ['HS256'] }, claims),
    'another payload': `${header}.${stranger}.${signature}`,
    'another header': `${encode({ ...head, kid: 'x' })}.${payload}.${signature}`,
    'no signature': `${header}.${payload}.`,
    'half a signature': `${header}.${payload}.${signature.slice(0, 20)}`,
    'HS512 over an HS256 signature': `${encode({ alg: 'HS512' })}.${payload}.${hmac(`${encode({ alg: 'HS512' })}.${payload}`)}`,
    'RS256 signed with the secret': signed({ alg: 'RS256' }, claims),
    'ES256 signed with the secret': signed({ alg: 'ES256' }, claims),
    'EdDSA with another key': `${own}.${sign(null, Buffer.from(own), privateKey).toString('base64url')}`,
    'an invalid subject before a valid one': signed(head, { ...claims, sub: 1.5, user_id: user }),
    'no subject': signed(head, { exp: claims.exp }),
    'an empty subject': signed(head, { ...claims, sub: '' }),
    'a subject with a NUL': signed(head, { ...claims, sub: `${user}\0` }),
    'a subject that is an object': signed(head, { ...claims, sub: { id: user } }),
    'a subject of a thousand characters': signed(head, { ...claims, sub: 'x'.repeat(1000) }),
    'a crit header': signed({ ...head, crit: ['exp'] }, claims),
    'more than 8 KiB': signed(head, { ...claims, name: 'x'.repeat(9000) }),
    'an array as payload': signed(head, [claims]),
    'null as payload': signed(head, 'null'),
    'invalid JSON as payload': signed(head, '{'),
    'no UTF-8 as payload': `${header}.${Buffer.from([0xff, 0xfe]).toString('base64url')}.${signature}`,
    'a token that contains a space': good.replace('.', ' .'),
  }
  return {
    'no header': undefined,
    'an empty header': '',
    'the scheme alone': 'Bearer',
    'another scheme': `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`,
    'no scheme': good,
    'two tokens in one header': `Bearer ${good} ${good}`,
    'two tokens with a comma': `Bearer ${good}, Bearer ${good}`,
    ...Object.fromEntries(Object.entries(tokens).map(([name, token]) => [name, bearer(token)])),
  }
}
