import type { FastifyRequest } from 'fastify'
import type { Context } from '../../context.ts'
import { AppError, type ErrorCode } from '../../errors.ts'
import { formMediaTypes } from '../../http/form-body.ts'
import { sendJson } from '../../http/json-reply.ts'
import type { Route, RouteModule } from '../../http/route.ts'
import { type Operation, ref } from '../../openapi/operation.ts'
import { closed } from '../../openapi/schemas.ts'
import type { Accounts } from '../accounts.ts'
import { notTrusted } from '../routes/read-fields.ts'
import { signIn, signUp } from './begin-session.ts'
import { atEach } from './paths.ts'
import { signInBody, signInSchemas, signUpBody } from './schemas.ts'

const password = 'correct horse battery'
const fails: readonly ErrorCode[] = [
  'sign_in_forbidden',
  'origin_not_trusted',
  'too_many_requests',
  'database_away',
  'database_full',
  'outcome_unknown',
]
const mediaTypes = ['application/json', ...formMediaTypes]
const session = (description: string) => ({ description, schema: ref('TokenSession') })

const signUpOperation: Operation = {
  id: 'signUp',
  summary: 'Sign up for a token',
  description:
    'The name is `name`, else `full_name`, else `first_name` and `last_name`, else `username`, else the part of the email before `@`. With `SMTP_URL`, the email address must be confirmed before the first sign-in, and the response is the same if the address is taken.',
  body: {
    required: true,
    mediaTypes,
    schema: signUpBody,
    examples: { example: { email: 'alice@example.com', password, name: 'Alice' } },
  },
  answers: {
    201: session('The session of the new user.'),
    202: {
      description: 'An email is on its way. Its link confirms the address.',
      schema: closed({ message: { type: 'string' } }),
    },
  },
  fails: [...fails, 'email_taken', 'password_compromised'],
  audited: 'signUp',
}

const signInOperation: Operation = {
  id: 'signIn',
  summary: 'Sign in for a token',
  description:
    'Accepts JSON or a form, such as an OAuth2 password form. `username` may hold the email address. With two-factor authentication, send the current code or a backup code as `code`.',
  body: {
    required: true,
    mediaTypes,
    schema: signInBody,
    examples: {
      example: { email: 'alice@example.com', password },
      form: { username: 'alice@example.com', password },
      twoFactor: { email: 'alice@example.com', password, code: '123456' },
    },
  },
  answers: { 200: session('The session.') },
  fails: [...fails, 'sign_in_failed', 'code_required'],
  audited: 'signIn',
}

const answerSignUp: Route['handle'] = async (request, reply, context) => {
  const made = await begin(signUp, request, context)
  if (made) return sendJson(reply.code(201), JSON.stringify(made))
  const message = 'Check your email: open the link in it to confirm your address. Then sign in.'
  return sendJson(reply.code(202), JSON.stringify({ message }))
}

const answerSignIn: Route['handle'] = async (request, reply, context) =>
  sendJson(reply, JSON.stringify(await begin(signIn, request, context)))

// Reading a form of 64 KiB takes 45 ms of CPU, before any attempt is counted.
const options = { bodyLimit: 16 * 1024, kind: 'queued' } as const

/**
 * Sign-up and sign-in of existing front ends, which hold one token and never refresh it. A layer
 * over Better Auth's own calls. Reads and sets no cookie, so another site has nothing to misuse.
 */
export const signInForTokens: RouteModule = {
  name: 'sign-in',
  about:
    'Sign-up and sign-in for existing front ends that hold one token, at `/api/auth/…` and `/auth/…`. The same accounts as under `/api/auth`, without cookies. The token is valid as long as its session, seven days.',
  schemas: signInSchemas,
  routes: [
    ...atEach(['signup', 'register'], 'POST', signUpOperation, answerSignUp, options),
    ...atEach(['login', 'signin'], 'POST', signInOperation, answerSignIn, options),
  ] satisfies readonly Route[],
}

async function begin<T>(
  work: (request: FastifyRequest, deps: { accounts: Accounts; db: Context['db'] }) => Promise<T>,
  request: FastifyRequest,
  { accounts, config, db, hints }: Context,
): Promise<T> {
  if (!accounts) throw new AppError('route_not_found', 'Accounts are disabled on this server.')
  const { origin } = request.headers
  // Pages that cannot read the response must not make their visitors guess passwords.
  if (origin !== undefined && config.corsOrigins !== '*' && !accounts.trusts(origin)) {
    hints.give('origin')
    throw notTrusted(origin)
  }
  return work(request, { accounts, db })
}
