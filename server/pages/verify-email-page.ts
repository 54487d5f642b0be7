import type { FastifyReply } from 'fastify'
import type { Route } from '../http/route.ts'
import { call, setCookies } from './account-call.ts'
import { html, sendPage } from './html-page.ts'
import {
  answers,
  askForEmail,
  fields,
  form,
  isToken,
  linkParameters,
  problem,
  readForm,
  requestEmail,
  sendDeadLink,
  signInLink,
} from './link-page.ts'

export const showVerify: Route = {
  method: 'GET',
  path: '/verify-email',
  operation: {
    id: 'showVerifyEmail',
    summary: 'Show the page that confirms an email address',
    description: 'The page asks for a click, because mail servers also open links.',
    parameters: linkParameters,
    answers,
  },
  handle(request, reply, context) {
    const { token, error } = request.query as { token?: unknown; error?: unknown }
    if (token === undefined && error === undefined) return askForEmail(reply, 'verify', context)
    if (isToken(token) && error === undefined) {
      return sendPage(reply, 'Confirm your email address', confirmForm(reply, token))
    }
    return sendDeadLink(reply, 'verify', context)
  },
}

export const verify: Route = {
  method: 'POST',
  path: '/verify-email',
  operation: {
    id: 'submitVerifyEmail',
    summary: 'Submit the page that confirms an email address',
    description:
      'Calls `GET /api/auth/verify-email`, or `POST /api/auth/send-verification-email` if the form has an `email`.',
    body: form(fields, { token: 'eyJ…' }),
    answers,
  },
  async handle(request, reply, context) {
    const { appFiles } = context
    const { token, email } = readForm(request)
    if (email !== undefined) return requestEmail(request, reply, 'verify', context, email)
    if (token === undefined) return askForEmail(reply, 'verify', context)
    if (!isToken(token)) return sendDeadLink(reply, 'verify', context)
    const outcome = await call(request, 'GET', `/verify-email?token=${token}`)
    if (outcome.isDone) {
      setCookies(reply, outcome)
      return stepOf(token) === 'change-email-confirmation'
        ? sendPage(
            reply,
            'One more step',
            '<p>An email is on its way to the new address. Open the link in it to finish the change.</p>',
          )
        : sendPage(reply, 'Your email address is confirmed', signInLink(reply, appFiles !== undefined))
    }
    if (outcome.status !== 400) {
      return sendPage(
        reply.code(outcome.status),
        'Confirm your email address',
        confirmForm(reply, token, outcome.message),
      )
    }
    return sendDeadLink(reply, 'verify', context)
  },
}

function confirmForm({ server }: FastifyReply, token: string, message?: string): string {
  return `${problem(message)}<p>Confirm that this email address is yours and that you signed up. If you did not, somebody else chose the password: <a href="${server.base}/reset-password">choose your own</a> instead.</p>
<form method="post" action="${server.base}/verify-email">
<input type="hidden" name="token" value="${html(token)}">
<button>Confirm</button>
</form>`
}

/** The purpose of a valid token of `/verify-email`. */
function stepOf(token: string | undefined): unknown {
  const [, payload = ''] = token?.split('.') ?? []
  return JSON.parse(Buffer.from(payload, 'base64url').toString()).requestType
}
