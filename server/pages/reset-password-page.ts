import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Route } from '../http/route.ts'
import { call, type Outcome, setCookies } from './account-call.ts'
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

export const showReset: Route = {
  method: 'GET',
  path: '/reset-password',
  operation: {
    id: 'showResetPassword',
    summary: 'Show the page that resets a password',
    description:
      'With the token of an email, the page asks for a new password. Without one, it asks for an email address.',
    parameters: linkParameters,
    answers,
  },
  async handle(request, reply, context) {
    const { token, error } = request.query as { token?: unknown; error?: unknown }
    if (token === undefined && error === undefined) return askForEmail(reply, 'reset', context)
    const isGood = isToken(token) && error === undefined && (await isResetToken(request, token))
    return isGood
      ? sendPage(reply, 'Choose a new password', passwordForm(reply, token))
      : sendDeadLink(reply, 'reset', context)
  },
}

export const reset: Route = {
  method: 'POST',
  path: '/reset-password',
  operation: {
    id: 'submitResetPassword',
    summary: 'Submit the page that resets a password',
    description:
      'Calls `POST /api/auth/reset-password`, or `POST /api/auth/request-password-reset` if the form has an `email`.',
    body: form(
      { ...fields, newPassword: { type: 'string' } },
      { token: 'x7…', newPassword: 'staple battery horse' },
    ),
    answers,
  },
  async handle(request, reply, context) {
    const { appFiles } = context
    const { token, email, newPassword = '' } = readForm(request)
    if (email !== undefined) return requestEmail(request, reply, 'reset', context, email)
    if (token === undefined) return askForEmail(reply, 'reset', context)
    if (!isToken(token)) return sendDeadLink(reply, 'reset', context)
    const length = Array.from(newPassword).length
    const wrong = length < 8 ? 'at least 8' : length > 128 ? 'at most 128' : undefined
    const outcome: Outcome =
      wrong === undefined
        ? await call(request, 'POST', '/reset-password', { token, newPassword })
        : { isDone: false, status: 400, code: '', message: `The password must have ${wrong} characters.` }
    if (outcome.isDone) {
      setCookies(reply, outcome)
      return sendPage(
        reply,
        'Your password is changed',
        `<p>You are signed out on all devices.</p>${signInLink(reply, appFiles !== undefined)}`,
      )
    }
    if (/TOKEN|NOT_FOUND/.test(outcome.code)) return sendDeadLink(reply, 'reset', context)
    return sendPage(
      reply.code(outcome.status),
      'Choose a new password',
      passwordForm(reply, token, outcome.message),
    )
  },
}

function passwordForm({ server }: FastifyReply, token: string, message?: string): string {
  return `${problem(message)}<form method="post" action="${server.base}/reset-password">
<input type="hidden" name="token" value="${html(token)}">
<label for="password">New password</label>
<input id="password" name="newPassword" type="password" autocomplete="new-password" required minlength="8" maxlength="128" aria-describedby="rule">
<p class="quiet" id="rule">At least 8 characters. You will be signed out on all devices.</p>
<button>Change password</button>
</form>`
}

/** Whether a password can be reset with the token. Does not use the token up. */
async function isResetToken(request: FastifyRequest, token: string): Promise<boolean> {
  const outcome = await call(request, 'GET', `/reset-password/${token}?callbackURL=/reset-password`)
  return outcome.isDone && !outcome.location.includes('error=')
}
