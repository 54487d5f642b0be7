import { ref } from '../../openapi/operation.ts'
import { type Call, get, post } from './call.ts'
import * as it from './schemas.ts'

export const sessionCalls: readonly Call[] = [
  get('/get-session', {
    id: 'getSession',
    summary: 'Get your session and user',
    description:
      'The response is `null` without a session. With one, the header `set-auth-jwt` has a token for the API.',
    answers: {
      200: {
        description: 'The session and its user, or `null`.',
        schema: {
          anyOf: [
            { type: 'null' },
            {
              type: 'object',
              required: ['session', 'user'],
              properties: { session: it.session, user: it.user },
            },
          ],
        },
      },
    },
  }),
  get('/token', {
    id: 'getToken',
    summary: 'Get a token for the API',
    description: 'A JWT (EdDSA) that expires after 15 minutes.',
    answers: { 200: it.answer('The token.', { token: { type: 'string' } }) },
    session: true,
  }),
  get('/jwks', {
    id: 'getKeys',
    summary: 'Get the public keys that verify tokens',
    description: 'A JWK Set (RFC 7517), for other services that accept tokens of this server.',
    answers: { 200: { description: 'The keys.', schema: ref('Jwks') } },
  }),
  get('/list-sessions', {
    id: 'listSessions',
    summary: 'List your sessions',
    description: it.recentSignIn,
    answers: { 200: it.list('Your sessions.', it.session) },
    session: true,
  }),
  post('/revoke-session', {
    id: 'revokeSession',
    audited: true,
    summary: 'End one of your sessions',
    body: it.body({ token: it.sessionToken }, ['token'], { token: 'Jq2…' }),
    answers: { 200: it.done },
    session: true,
  }),
  post('/revoke-sessions', {
    id: 'revokeSessions',
    audited: true,
    summary: 'End all your sessions',
    answers: { 200: it.done },
    session: true,
  }),
  post('/revoke-other-sessions', {
    id: 'revokeOtherSessions',
    audited: true,
    summary: 'End all your other sessions',
    answers: { 200: it.done },
    session: true,
  }),
]
