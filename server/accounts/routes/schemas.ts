import { type Answer, type Parameter, type RequestBody, ref, type Schema } from '../../openapi/operation.ts'
import { sent } from '../../openapi/schemas.ts'

// What people send to /api/auth and what Better Auth answers: as much of it as clients look at.

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
export const image: Schema = { ...text(2048), description: 'The address of a picture.' }
export const password: Schema = { ...text(128), minLength: 8 }
export const givenPassword: Schema = nonEmpty(128)
export const code: Schema = nonEmpty(64)
export const id: Schema = nonEmpty(128)
export const sessionToken: Schema = nonEmpty(128)
export const flag: Schema = { type: 'boolean' }
export const callbackURL = text(
  2048,
  'Where the browser goes afterwards: an origin of CORS_ORIGINS, or a path of this server.',
)
export const provider: Schema = { enum: ['github', 'google'] }
export const credential: Schema = {
  type: 'object',
  description: 'What `navigator.credentials` has returned (WebAuthn).',
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

/** An answer with at least these fields. */
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
  description: 'On to where the person wanted to go, or to an address with `?error=`.',
  headers: { Location: { description: 'Where to.', schema: { type: 'string' }, required: true } },
}

const time: Schema = { type: 'string', format: 'date-time' }
const nullable = (type: string): Schema => ({ type: [type, 'null'] })

export const schemas: Readonly<Record<string, Schema>> = {
  AuthError: {
    type: 'object',
    required: ['message'],
    properties: {
      code: { type: 'string', description: 'For programs, such as `INVALID_EMAIL_OR_PASSWORD`.' },
      message: { type: 'string', description: 'For people.' },
    },
  },
  User: {
    type: 'object',
    required: ['id', 'name', 'email', 'emailVerified', 'createdAt', 'updatedAt'],
    properties: {
      id: { type: 'string', description: 'Whose tasks: `sub` of the tokens.' },
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

export const signedIn = answer('Signed in. With a second factor: `twoFactorRedirect`, and no session yet.')
export const done = answer('Done.')
export const user = ref('User')
export const session = ref('Session')
