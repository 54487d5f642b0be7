import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import type { ErrorShape } from '../http/error-reply.ts'
import type { Route, RouteModule } from '../http/route.ts'
import type { Answer, Operation, Schema } from '../openapi/operation.ts'
import { html, htmlHeaders, htmlPage, sendPage } from './html-page.ts'

// The pages that links in emails lead to, where the app has none of its own. They work without a script. A GET changes nothing: mail
// servers open links before their readers do. A form becomes the JSON call of the same name, with all that guards it.

const page: Answer = { description: 'The page.', mediaType: 'text/html', schema: { type: 'string' } }
const form = (
  properties: Readonly<Record<string, Schema>>,
  examples: object,
): NonNullable<Operation['body']> => ({
  required: true,
  mediaTypes: ['application/x-www-form-urlencoded'],
  schema: { type: 'object', properties },
  examples: { form: examples },
})
const fields = { token: { type: 'string' }, email: { type: 'string' } }
const answers = {
  200: page,
  400: { ...page, description: 'The page, with what is wrong.' },
  403: { ...page, description: 'The form was sent from a page of another site.' },
}
const linkParameters: Operation['parameters'] = [
  { name: 'token', in: 'query', description: 'The token of the email.', schema: { type: 'string' } },
  { name: 'error', in: 'query', description: 'Why a link does not work.', schema: { type: 'string' } },
]

const showReset: Route = {
  method: 'GET',
  path: '/reset-password',
  operation: {
    id: 'showResetPassword',
    summary: 'Show the page that resets a password',
    description:
      'With the token of an email it asks for a new password, else for the address to send one to.',
    parameters: linkParameters,
    answers,
  },
  async handle(request, reply) {
    const { token, error } = request.query as { token?: unknown; error?: unknown }
    if (token === undefined && error === undefined)
      return sendPage(reply, 'Reset your password', emailForm(reply, 'reset'))
    const isGood = isToken(token) && error === undefined && (await isResetToken(request, token))
    return isGood
      ? sendPage(reply, 'Choose a new password', passwordForm(reply, token))
      : sendPage(reply.code(400), 'This link no longer works', deadLink(reply, 'reset'))
  },
}

const reset: Route = {
  method: 'POST',
  path: '/reset-password',
  operation: {
    id: 'submitResetPassword',
    summary: 'Send the form of that page',
    description:
      'As `POST /api/auth/reset-password`, or as `POST /api/auth/request-password-reset` where it has an `email`.',
    body: form(
      { ...fields, newPassword: { type: 'string' } },
      { token: 'x7…', newPassword: 'staple battery horse' },
    ),
    answers,
  },
  async handle(request, reply) {
    const { token, email, newPassword = '' } = readForm(request)
    if (email !== undefined) {
      const outcome = await call(request, 'POST', '/request-password-reset', { email })
      if (!outcome.isDone) {
        return sendPage(
          reply.code(outcome.status),
          'Reset your password',
          emailForm(reply, 'reset', outcome.message),
        )
      }
      return sendPage(reply, 'Check your email', sent('reset'))
    }
    if (token === undefined) return sendPage(reply, 'Reset your password', emailForm(reply, 'reset'))
    if (!isToken(token))
      return sendPage(reply.code(400), 'This link no longer works', deadLink(reply, 'reset'))
    const length = Array.from(newPassword).length
    const wrong = length < 8 ? 'at least 8' : length > 128 ? 'at most 128' : undefined
    const outcome: Outcome =
      wrong === undefined
        ? await call(request, 'POST', '/reset-password', { token, newPassword })
        : { isDone: false, status: 400, code: '', message: `The password must have ${wrong} characters.` }
    if (outcome.isDone) {
      setCookies(reply, outcome)
      return sendPage(reply, 'Your password is changed', changed(reply))
    }
    if (/TOKEN|NOT_FOUND/.test(outcome.code)) {
      return sendPage(reply.code(400), 'This link no longer works', deadLink(reply, 'reset'))
    }
    return sendPage(
      reply.code(outcome.status),
      'Choose a new password',
      passwordForm(reply, token, outcome.message),
    )
  },
}

const showVerify: Route = {
  method: 'GET',
  path: '/verify-email',
  operation: {
    id: 'showVerifyEmail',
    summary: 'Show the page that confirms an email address',
    description: 'It asks for a click, since mail servers open links too.',
    parameters: linkParameters,
    answers,
  },
  handle(request, reply) {
    const { token, error } = request.query as { token?: unknown; error?: unknown }
    if (token === undefined && error === undefined) {
      return sendPage(reply, 'Confirm your email address', emailForm(reply, 'verify'))
    }
    if (isToken(token) && error === undefined) {
      return sendPage(reply, 'Confirm your email address', confirmForm(reply, token))
    }
    return sendPage(reply.code(400), 'This link no longer works', deadLink(reply, 'verify'))
  },
}

const verify: Route = {
  method: 'POST',
  path: '/verify-email',
  operation: {
    id: 'submitVerifyEmail',
    summary: 'Send the form of that page',
    description:
      'As `GET /api/auth/verify-email`, or as `POST /api/auth/send-verification-email` where it has an `email`.',
    body: form(fields, { token: 'eyJ…' }),
    answers,
  },
  async handle(request, reply) {
    const { token, email } = readForm(request)
    if (email !== undefined) {
      const outcome = await call(request, 'POST', '/send-verification-email', { email })
      if (!outcome.isDone) {
        return sendPage(
          reply.code(outcome.status),
          'Confirm your email address',
          emailForm(reply, 'verify', outcome.message),
        )
      }
      return sendPage(reply, 'Check your email', sent('verify'))
    }
    if (token === undefined) {
      return sendPage(reply, 'Confirm your email address', emailForm(reply, 'verify'))
    }
    if (!isToken(token)) {
      return sendPage(reply.code(400), 'This link no longer works', deadLink(reply, 'verify'))
    }
    const outcome = await call(request, 'GET', `/verify-email?token=${token}`)
    if (outcome.isDone) {
      setCookies(reply, outcome)
      return stepOf(token) === 'change-email-confirmation'
        ? sendPage(
            reply,
            'One more step',
            '<p>An email is on its way to the new address. Open the link in it to finish the change.</p>',
          )
        : sendPage(reply, 'Your email address is confirmed', '<p>You can close this page and sign in.</p>')
    }
    if (outcome.status !== 400) {
      return sendPage(
        reply.code(outcome.status),
        'Confirm your email address',
        confirmForm(reply, token, outcome.message),
      )
    }
    return sendPage(reply.code(400), 'This link no longer works', deadLink(reply, 'verify'))
  },
}

export const changePassword: Route = {
  method: 'GET',
  path: '/.well-known/change-password',
  operation: {
    id: 'changePasswordPage',
    summary: 'Go to the page that changes a password',
    description: 'For password managers (W3C, A Well-Known URL for Changing Passwords).',
    answers: { 302: { description: 'To `/reset-password`.' } },
  },
  handle: (request, reply) => reply.redirect(`${request.server.base}/reset-password`, 302),
}

export const accountPages: RouteModule & ErrorShape = {
  name: 'account pages',
  about:
    'The pages that links in emails lead to, for front ends that have none of their own. They need no script.',
  schemas: {},
  routes: [showReset, reset, showVerify, verify],
  statuses: { broken_rule: 400, not_json: 400 },
  errorMediaType: 'text/html',
  errorHeaders: htmlHeaders,
  errorSchema: { type: 'string' },
  errorBody: ({ message }, { base }) =>
    htmlPage(base, 'That did not work', `<p role="alert">${html(message)}</p>`),
}

type Purpose = 'reset' | 'verify'
const pathOf = { reset: '/reset-password', verify: '/verify-email' }

function passwordForm({ server }: FastifyReply, token: string, message?: string): string {
  return `${problem(message)}<form method="post" action="${server.base}/reset-password">
<input type="hidden" name="token" value="${html(token)}">
<label for="password">New password</label>
<input id="password" name="newPassword" type="password" autocomplete="new-password" required minlength="8" maxlength="128" aria-describedby="rule">
<p class="quiet" id="rule">At least 8 characters. You will be signed out on all devices.</p>
<button>Change password</button>
</form>`
}

function confirmForm({ server }: FastifyReply, token: string, message?: string): string {
  return `${problem(message)}<p>Confirm that this email address is yours. If you did not ask for this, close this page.</p>
<form method="post" action="${server.base}/verify-email">
<input type="hidden" name="token" value="${html(token)}">
<button>Confirm</button>
</form>`
}

function emailForm({ server }: FastifyReply, purpose: Purpose, message?: string): string {
  const what = purpose === 'reset' ? 'a link to choose a new password' : 'a new link to confirm your address'
  return `${problem(message)}<p>Enter your email address, and we send you ${what}.</p>
<form method="post" action="${server.base}${pathOf[purpose]}">
<label for="email">Email address</label>
<input id="email" name="email" type="email" autocomplete="email" required>
<button>Send the link</button>
</form>`
}

function deadLink(reply: FastifyReply, purpose: Purpose): string {
  return `<p>It has expired, or it was used before. A link works for an hour${purpose === 'reset' ? ', and once' : ''}.</p>
${emailForm(reply, purpose)}`
}

function sent(purpose: Purpose): string {
  const who = purpose === 'reset' ? 'has an account' : 'has an account and is not confirmed yet'
  return `<p>If this address ${who}, an email with a link is on its way. The link works for an hour.</p>
<p class="quiet">Nothing there? Look into the spam folder, or ask the operator of this server.</p>`
}

function changed({ server }: FastifyReply): string {
  return `<p>You are signed out on all devices. Sign in with the new password, in your app or <a href="${server.base}/docs">on this server</a>.</p>`
}

const problem = (message: string | undefined): string =>
  message === undefined ? '' : `<p class="bad" role="alert">${html(message)}</p>\n`

/** Of both kinds: random letters, or a JWT. */
const isToken = (token: unknown): token is string =>
  typeof token === 'string' && /^[\w.-]{1,2048}$/.test(token)

/** What a token of `/verify-email` that was accepted is for. */
function stepOf(token: string | undefined): unknown {
  const [, payload = ''] = token?.split('.') ?? []
  return JSON.parse(Buffer.from(payload, 'base64url').toString()).requestType
}

/** @throws AppError where the form is none, or comes from a page of another site */
function readForm(request: FastifyRequest): Partial<Record<'token' | 'email' | 'newPassword', string>> {
  const { headers, body } = request
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new AppError(
      'origin_not_trusted',
      'This form was sent from another site. Open the link in the email again.',
    )
  }
  const type = (headers['content-type'] ?? '').replace(/;.*$/s, '').trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') {
    throw new AppError('unsupported_media_type', 'Send Content-Type: application/x-www-form-urlencoded.')
  }
  return Object.fromEntries(new URLSearchParams(Buffer.isBuffer(body) ? body.toString() : ''))
}

type Outcome =
  | { readonly isDone: true; readonly cookies: readonly string[]; readonly location: string }
  | { readonly isDone: false; readonly status: number; readonly code: string; readonly message: string }

/** Calls `/api/auth/…` of this server as the client did, without its cookies: limits, audit log and refusals are those of the call. */
async function call(
  request: FastifyRequest,
  method: 'GET' | 'POST',
  path: string,
  payload?: object,
): Promise<Outcome> {
  const { 'user-agent': agent = '' } = request.headers
  const { statusCode, headers, body } = await request.server.inject({
    method,
    url: `/api/auth${path}`,
    remoteAddress: request.ip,
    headers: { 'user-agent': agent },
    ...(payload ? { payload } : {}),
  })
  if (statusCode < 400) {
    return { isDone: true, cookies: [headers['set-cookie'] ?? []].flat(), location: headers.location ?? '' }
  }
  const { code = '', message = 'Please try again.' } = JSON.parse(body) as { code?: string; message?: string }
  const status = [429, 500, 503].includes(statusCode) ? statusCode : 400
  return { isDone: false, status, code, message }
}

/** Whether a password can be chosen with it; it is good as before afterwards. */
async function isResetToken(request: FastifyRequest, token: string): Promise<boolean> {
  const outcome = await call(request, 'GET', `/reset-password/${token}?callbackURL=/reset-password`)
  return outcome.isDone && !outcome.location.includes('error=')
}

function setCookies(reply: FastifyReply, outcome: Outcome): void {
  if (outcome.isDone) for (const cookie of outcome.cookies) reply.header('set-cookie', cookie)
}
