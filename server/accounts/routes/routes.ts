import { AppError } from '../../errors.ts'
import type { Contract } from '../../http/register.ts'
import type { Route } from '../../http/route.ts'
import { ref } from '../../openapi/operation.ts'
import { changePassword } from '../../pages/account-pages.ts'
import { answerCall } from './answer-call.ts'
import type { Call } from './call.ts'
import { accountCalls } from './calls.ts'
import { forward, withSafeLocation } from './issuer-response.ts'
import { provider, schemas } from './schemas.ts'

// The calls of Better Auth that Duly offers. Each is validated and counted before Better Auth gets
// it.

export const accounts: Contract = {
  name: 'accounts',
  about:
    'Sign-up and sign-in, with Better Auth. A session is a cookie (`HttpOnly`, `SameSite=Lax`) that only these calls accept. For all other calls, get a token with `GET /api/auth/token`. Browsers may call from this server’s origin and from CORS_ORIGINS.',
  statuses: { broken_rule: 400, not_json: 400 },
  errorSchema: ref('AuthError'),
  errorBody: ({ code, message }) => ({ code: code.toUpperCase(), message }),
  schemas,
  pathParameters: {
    provider: { description: 'The provider.', schema: provider, example: 'github' },
    token: { description: 'The token of the email.', schema: { type: 'string' }, example: 'x7' },
  },
  routes: [...accountCalls.map(routeOf), changePassword],
}

function routeOf(call: Call): Route {
  const { method, path, id, audited, summary, description, body, parameters, answers } = call
  return {
    method,
    path,
    // They wait for their turn to hash.
    ...(call.hashes ? { kind: 'queued' } : {}),
    operation: {
      id,
      summary,
      description: description ?? `${summary}.`,
      ...(parameters ? { parameters } : {}),
      ...(body ? { body } : {}),
      answers,
      ...(audited ? { audited } : {}),
      ...(call.session ? { security: 'session' } : {}),
      fails: [
        'database_away',
        ...(method === 'GET'
          ? []
          : ([
              'database_full',
              'outcome_unknown',
              'origin_not_trusted',
              'broken_rule',
              'not_json',
              'unsupported_media_type',
            ] as const)),
        ...(call.attempts ? (['too_many_requests'] as const) : []),
        ...(call.hashes ? (['busy'] as const) : []),
        ...(call.choosesPassword ? (['password_compromised'] as const) : []),
      ],
      // Better Auth's own errors.
      refusals: [400, 401, 403, 404, 409, 422],
    },
    async handle(request, reply, { accounts, db, tokens }) {
      if (!accounts) throw new AppError('route_not_found', 'Accounts are disabled on this server.')
      const response = await answerCall(call, request, accounts, db)
      if (method === 'POST') tokens.recheck()
      return forward(withSafeLocation(call, response, accounts), reply)
    },
  }
}
