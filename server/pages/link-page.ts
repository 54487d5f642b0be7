import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { AppError } from '../errors.ts'
import { mediaTypeOf } from '../http/json-body.ts'
import type { Answer, Operation, Parameter, Schema } from '../openapi/operation.ts'
import { call } from './account-call.ts'
import { html, sendPage } from './html-page.ts'

// What the pages that links in emails lead to have in common.

const page: Answer = { description: 'The page.', mediaType: 'text/html', schema: { type: 'string' } }
export const form = (
  properties: Readonly<Record<string, Schema>>,
  examples: object,
): NonNullable<Operation['body']> => ({
  required: true,
  mediaTypes: ['application/x-www-form-urlencoded'],
  schema: { type: 'object', properties },
  examples: { form: examples },
})
export const fields = { token: { type: 'string' }, email: { type: 'string' } }
export const answers = {
  200: page,
  400: { ...page, description: 'The page, with an error message.' },
  403: { ...page, description: 'The form was sent from a page of another site.' },
}
export const linkParameters: readonly Parameter[] = [
  { name: 'token', in: 'query', description: 'The token of the email.', schema: { type: 'string' } },
  { name: 'error', in: 'query', description: 'Why the link does not work.', schema: { type: 'string' } },
]

type Purpose = 'reset' | 'verify'
type MailContext = { readonly config: Pick<Context['config'], 'smtp'> }
const sendsEmail = ({ config }: MailContext) => config.smtp !== undefined
const pathOf = { reset: '/reset-password', verify: '/verify-email' }
const titleOf = { reset: 'Reset your password', verify: 'Confirm your email address' }
/** The call that sends the email. */
const callOf = { reset: '/request-password-reset', verify: '/send-verification-email' }

/** Sends the page that asks for an email address. */
export const askForEmail = (
  reply: FastifyReply,
  purpose: Purpose,
  context: MailContext,
  message?: string,
): FastifyReply => sendPage(reply, titleOf[purpose], emailForm(reply, purpose, context, message))

/** Requests a link, and sends the page with the outcome. */
export async function requestEmail(
  request: FastifyRequest,
  reply: FastifyReply,
  purpose: Purpose,
  context: MailContext,
  email: string,
): Promise<FastifyReply> {
  const outcome = await call(request, 'POST', callOf[purpose], { email })
  if (!outcome.isDone) return askForEmail(reply.code(outcome.status), purpose, context, outcome.message)
  return sendsEmail(context)
    ? sendPage(reply, 'Check your email', sent(purpose))
    : sendPage(reply, 'Ask the operator', logged(purpose))
}

/** Sends the page for a link that has expired or was used. */
export const sendDeadLink = (reply: FastifyReply, purpose: Purpose, context: MailContext): FastifyReply =>
  sendPage(reply.code(400), 'This link no longer works', deadLink(reply, purpose, context))

/** What comes next: the web app, or another app of the user. */
export const signInLink = ({ server }: FastifyReply, hasApp: boolean): string =>
  hasApp
    ? `<p><a href="${server.base}/">Sign in</a></p>`
    : `<p>Sign in, in your app or <a href="${server.base}/docs">on this server</a>.</p>`

function emailForm(
  { server }: FastifyReply,
  purpose: Purpose,
  context: MailContext,
  message?: string,
): string {
  const what = purpose === 'reset' ? 'a link to choose a new password' : 'a new link to confirm your address'
  const [about, button] = sendsEmail(context)
    ? [`Enter your email address, and we send you ${what}.`, 'Send the link']
    : [
        `This server sends no emails. Enter your email address to request ${what}. The operator of the server finds the link in its log.`,
        'Request a link',
      ]
  return `${problem(message)}<p>${about}</p>
<form method="post" action="${server.base}${pathOf[purpose]}">
<label for="email">Email address</label>
<input id="email" name="email" type="email" autocomplete="email" required>
<button>${button}</button>
</form>`
}

function deadLink(reply: FastifyReply, purpose: Purpose, context: MailContext): string {
  return `<p>It has expired, or was used before. A link works for an hour${purpose === 'reset' ? ', and once' : ''}.</p>
${emailForm(reply, purpose, context)}`
}

const whoIs = { reset: 'has an account', verify: 'has an account and is not confirmed yet' }

function sent(purpose: Purpose): string {
  return `<p>If this address ${whoIs[purpose]}, an email with a link is on its way. The link works for an hour.</p>
<p class="quiet">Nothing there? Check the spam folder, or ask the operator of this server.</p>`
}

const logged = (purpose: Purpose): string =>
  `<p>If this address ${whoIs[purpose]}, the log of this server now contains a link. Ask the operator for it. The link works for an hour.</p>`

export const problem = (message: string | undefined): string =>
  message === undefined ? '' : `<p class="bad" role="alert">${html(message)}</p>\n`

/** A random text, or a JWT. */
export const isToken = (token: unknown): token is string =>
  typeof token === 'string' && /^[\w.-]{1,2048}$/.test(token)

/** @throws AppError if the body is not a form, or comes from a page of another site */
export function readForm(
  request: FastifyRequest,
): Partial<Record<'token' | 'email' | 'newPassword', string>> {
  const { headers, body } = request
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new AppError(
      'origin_not_trusted',
      'This form was sent from another site. Open the link in the email again.',
    )
  }
  if (mediaTypeOf(request) !== 'application/x-www-form-urlencoded') {
    throw new AppError('unsupported_media_type', 'Send Content-Type: application/x-www-form-urlencoded.')
  }
  return Object.fromEntries(new URLSearchParams(Buffer.isBuffer(body) ? body.toString() : ''))
}
