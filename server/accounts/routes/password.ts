import { type Call, get, post } from './call.ts'
import * as it from './schemas.ts'

export const passwordCalls: readonly Call[] = [
  post('/change-password', {
    id: 'changePassword',
    audited: true,
    summary: 'Change your password',
    description:
      'Other sessions stay valid unless `revokeOtherSessions` is true. `revokeTokens` revokes all personal access tokens and deactivates all webhooks.',
    body: it.body(
      {
        currentPassword: it.givenPassword,
        newPassword: it.password,
        revokeOtherSessions: it.flag,
        revokeTokens: it.flag,
      },
      ['currentPassword', 'newPassword'],
      {
        currentPassword: 'correct horse battery',
        newPassword: 'staple battery horse',
        revokeOtherSessions: true,
        revokeTokens: true,
      },
    ),
    answers: { 200: it.answer('The password is changed.', { user: it.user }) },
    session: true,
    hashes: true,
    choosesPassword: 'newPassword',
    attempts: 'address',
  }),
  post('/request-password-reset', {
    id: 'requestPasswordReset',
    audited: true,
    summary: 'Request an email that resets your password',
    description: 'The response is the same whether or not the address has an account.',
    body: it.body({ email: it.email, redirectTo: it.callbackURL }, ['email'], {
      email: 'alice@example.com',
      redirectTo: '/docs',
    }),
    answers: { 200: it.done },
    attempts: 'proof',
  }),
  get('/reset-password/{token}', {
    id: 'followPasswordReset',
    summary: 'Open the page that resets a password',
    description: 'The link in the email leads here.',
    parameters: [it.inQuery('callbackURL', { type: 'string' }, 'The page that asks for the new password.')],
    answers: { 302: it.redirect },
  }),
  post('/reset-password', {
    id: 'resetPassword',
    audited: true,
    summary: 'Reset your password',
    description: 'With the token of the email. Ends all sessions and revokes all personal access tokens.',
    body: it.body({ newPassword: it.password, token: it.id }, ['newPassword', 'token'], {
      newPassword: 'staple battery horse',
      token: 'x7…',
    }),
    answers: { 200: it.done },
    hashes: true,
    choosesPassword: 'newPassword',
    attempts: 'address',
  }),
]
