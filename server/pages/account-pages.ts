import type { ErrorShape } from '../http/error-reply.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { html, htmlHeaders, htmlPage } from './html-page.ts'
import { reset, showReset } from './reset-password-page.ts'
import { showVerify, verify } from './verify-email-page.ts'

// The pages that links in emails lead to if the app has none of its own. They work without scripts.
// A GET changes nothing, because mail servers open links before users do. A form becomes the JSON
// call of the same name, with all its checks.

export const changePassword: Route = {
  method: 'GET',
  path: '/.well-known/change-password',
  operation: {
    id: 'changePasswordPage',
    summary: 'Redirect to the page that changes a password',
    description: 'For password managers (W3C, A Well-Known URL for Changing Passwords).',
    answers: { 302: { description: 'To `/reset-password`.' } },
  },
  handle: (request, reply) => reply.redirect(`${request.server.base}/reset-password`, 302),
}

export const accountPages: RouteModule & ErrorShape = {
  name: 'account pages',
  about:
    'The pages that links in emails lead to, for front ends without such pages. They work without scripts.',
  schemas: {},
  routes: [showReset, reset, showVerify, verify],
  statuses: { broken_rule: 400, not_json: 400 },
  errorMediaType: 'text/html',
  errorHeaders: htmlHeaders,
  errorSchema: { type: 'string' },
  errorBody: ({ message }, { base }) =>
    htmlPage(base, 'The request failed', `<p role="alert">${html(message)}</p>`),
}
