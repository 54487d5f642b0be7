import { type Answer, type Parameter, type RequestBody, ref, type Schema } from '../../openapi/operation.ts'
import { sent } from '../../openapi/schemas.ts'

// Requests to /api/auth and responses of Better Auth, as far as clients need them.

const text = (maxLength: number, description?: string): Schema => ({
  type: 'string',
  maxLength,
  ...(description === undefined ? {} : { description }),
})
const nonEmpty = (maxLength: number): Schema => ({ ...text(maxLength), minLength: 1 })

export const email: Schema = {
  ...nonEmpty(254),
  description:
    'An email address, also an internationalized one (RFC 6531). Stored in lower case, with the domain in ASCII (`xn--…`).',
}
export const name: Schema = nonEmpty(200)
// Front ends send an empty text for no picture.
const imagePattern = '^(?:[Hh][Tt][Tt][Pp][Ss]?://|[Dd][Aa][Tt][Aa]:[Ii][Mm][Aa][Gg][Ee]/|$)'
export const image: Schema = {
  ...text(2048, 'The URL of a picture: `https:`, `http:` or `data:image/…`.'),
  pattern: imagePattern,
}
/** What a text that matches a pattern is, for messages. */
export const nounsOfPatterns: Readonly<Record<string, string>> = {
  [imagePattern]: 'a URL with https:, http: or data:image/',
}
export const password: Schema = { ...text(128), minLength: 8 }
export const givenPassword: Schema = nonEmpty(128)
export const code: Schema = nonEmpty(64)
export const id: Schema = nonEmpty(128)
export const sessionToken: Schema = nonEmpty(128)
export const flag: Schema = { type: 'boolean' }
export const callbackURL = text(
  2048,
  'Where to redirect the browser afterwards: a URL of an origin in CORS_ORIGINS, or a path of this server.',
)
export const provider: Schema = { enum: ['github', 'google'] }
export const credential: Schema = {
  type: 'object',
  description: 'The result of `navigator.credentials` (WebAuthn).',
}

/** A JSON body of these fields. */
export function body(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
  example: object,
): RequestBody {
  return { required: required.length > 0, schema: sent(properties, required), examples: { example } }
}

export const inQuery = (parameter: string, schema: Schema, description: string): Parameter => ({
  name: parameter,
  in: 'query',
  description,
  schema,
})

/** A response with at least these fields. */
export function answer(description: string, properties?: Readonly<Record<string, Schema>>): Answer {
  const schema: Schema = {
    type: 'object',
    ...(properties ? { required: Object.keys(properties), properties } : {}),
  }
  return { description, schema }
}

export const list = (description: string, items: Schema): Answer => ({
  description,
  schema: { type: 'array', items },
})
export const redirect: Answer = {
  description: 'Redirects to the `callbackURL`, with `?error=` if the call failed.',
  headers: { Location: { description: 'The target.', schema: { type: 'string' }, required: true } },
}

const time: Schema = { type: 'string', format: 'date-time' }
const nullable = (type: string): Schema => ({ type: [type, 'null'] })

export const schemas: Readonly<Record<string, Schema>> = {
  AuthError: {
    type: 'object',
    required: ['message'],
    properties: {
      code: { type: 'string', description: 'A code for programs, such as `INVALID_EMAIL_OR_PASSWORD`.' },
      message: { type: 'string', description: 'A message for users.' },
    },
  },
  User: {
    type: 'object',
    required: ['id', 'name', 'email', 'emailVerified', 'createdAt', 'updatedAt'],
    properties: {
      id: { type: 'string', description: 'The `sub` of the user’s tokens.' },
      name: { type: 'string' },
      email: { type: 'string' },
      emailVerified: flag,
      image: nullable('string'),
      twoFactorEnabled: nullable('boolean'),
      createdAt: time,
      updatedAt: time,
    },
  },
  Session: {
    type: 'object',
    required: ['id', 'userId', 'token', 'expiresAt', 'createdAt', 'updatedAt'],
    properties: {
      id: { type: 'string' },
      userId: { type: 'string' },
      token: { type: 'string' },
      expiresAt: time,
      createdAt: time,
      updatedAt: time,
      ipAddress: nullable('string'),
      userAgent: nullable('string'),
    },
  },
  Jwks: {
    type: 'object',
    required: ['keys'],
    properties: {
      keys: {
        type: 'array',
        items: {
          type: 'object',
          required: ['kid', 'kty', 'alg', 'crv', 'x'],
          properties: {
            kid: { type: 'string' },
            kty: { const: 'OKP' },
            alg: { const: 'EdDSA' },
            crv: { const: 'Ed25519' },
            x: { type: 'string' },
          },
        },
      },
    },
  },
}

export const signedIn = answer(
  'You are signed in. With two-factor authentication, `twoFactorRedirect` is true and there is no session yet.',
)
export const done = answer('Success.')
export const recentSignIn =
  'The sign-in must be less than a day old; otherwise the response is 403 `SESSION_NOT_FRESH`.'
export const toProvider = answer('Where to redirect the browser.', {
  url: { type: 'string' },
  redirect: flag,
})
export const user = ref('User')
export const session = ref('Session')
