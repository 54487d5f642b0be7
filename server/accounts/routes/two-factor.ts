import { type Call, post } from './call.ts'
import * as it from './schemas.ts'

const withPassword = it.body({ password: it.givenPassword }, [], { password: 'correct horse battery' })
const codes = { type: 'array', items: { type: 'string' } }

export const twoFactorCalls: readonly Call[] = [
  post('/two-factor/enable', {
    id: 'enableTwoFactor',
    audited: true,
    summary: 'Set up two-factor authentication',
    description:
      'Returns the secret for an authenticator app (TOTP, RFC 6238) and backup codes. Two-factor authentication is enabled once a code is verified.',
    body: it.body({ password: it.givenPassword, issuer: it.name }, [], {
      password: 'correct horse battery',
    }),
    answers: {
      200: it.answer('The secret and the backup codes.', {
        totpURI: { type: 'string' },
        backupCodes: codes,
      }),
    },
    session: true,
    hashes: true,
    attempts: 'address',
  }),
  post('/two-factor/disable', {
    id: 'disableTwoFactor',
    audited: true,
    summary: 'Disable two-factor authentication',
    body: withPassword,
    answers: { 200: it.done },
    session: true,
    hashes: true,
    attempts: 'address',
  }),
  post('/two-factor/get-totp-uri', {
    id: 'getTotpUri',
    audited: true,
    summary: 'Get the secret for another authenticator app',
    body: withPassword,
    answers: { 200: it.answer('The secret.', { totpURI: { type: 'string' } }) },
    session: true,
    hashes: true,
    attempts: 'address',
  }),
  post('/two-factor/verify-totp', {
    id: 'verifyTotp',
    audited: true,
    summary: 'Verify a code of the authenticator app',
    description: 'Completes a sign-in, or enables two-factor authentication.',
    body: it.body({ code: it.code, trustDevice: it.flag }, ['code'], { code: '123456' }),
    answers: {
      200: it.answer('You are signed in, or two-factor authentication is enabled.', { user: it.user }),
    },
    attempts: 'address',
  }),
  post('/two-factor/verify-backup-code', {
    id: 'verifyBackupCode',
    audited: true,
    summary: 'Sign in with a backup code',
    body: it.body({ code: it.code, trustDevice: it.flag, disableSession: it.flag }, ['code'], {
      code: 'k3x9a-2b7qz',
    }),
    answers: { 200: it.answer('You are signed in.', { user: it.user }) },
    attempts: 'address',
  }),
  post('/two-factor/generate-backup-codes', {
    id: 'generateBackupCodes',
    audited: true,
    summary: 'Create new backup codes',
    description: 'The old codes stop working.',
    body: withPassword,
    answers: { 200: it.answer('The new codes.', { backupCodes: codes }) },
    session: true,
    hashes: true,
    attempts: 'address',
  }),
]
