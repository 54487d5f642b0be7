import { ref, type Schema } from '../../openapi/operation.ts'
import { closed, sent } from '../../openapi/schemas.ts'
import * as it from '../routes/schemas.ts'

const time: Schema = { type: 'string', format: 'date-time' }
const text: Schema = { type: 'string' }
const orNull: Schema = { type: ['string', 'null'] }

export const signInSchemas: Readonly<Record<string, Schema>> = {
  TokenUser: closed({ id: text, email: text, name: text, username: text, created_at: time }),
  TokenSession: closed(
    {
      access_token: text,
      token: text,
      token_type: { const: 'bearer' },
      expires_in: { type: 'integer', description: 'Seconds.' },
      expires_at: time,
      user: ref('TokenUser'),
    },
    'A session with its token, which is valid as long as the session. `token` equals `access_token`.',
  ),
}

const me: Readonly<Record<string, Schema>> = {
  id: { type: ['string', 'integer'] },
  email: orNull,
  name: orNull,
  username: orNull,
  created_at: { type: ['string', 'null'], format: 'date-time' },
}

export const signedInSchemas: Readonly<Record<string, Schema>> = {
  Me: closed(
    {
      ...me,
      valid: { const: true },
      authenticated: { const: true },
      user_id: { type: ['string', 'integer'] },
      user: closed(me),
    },
    'The user of a token. For a user of another issuer, all but the id is `null`.',
  ),
}

export const signUpBody: Schema = sent(
  {
    email: it.email,
    password: it.password,
    name: orNull,
    full_name: orNull,
    first_name: orNull,
    last_name: orNull,
    username: orNull,
  },
  ['email', 'password'],
)

export const signInBody: Schema = sent(
  {
    email: { ...it.email, description: 'The email address; alternatively in `username`.' },
    username: orNull,
    password: it.givenPassword,
    code: { ...orNull, description: 'A code of two-factor authentication, or a backup code.' },
  },
  ['password'],
)
