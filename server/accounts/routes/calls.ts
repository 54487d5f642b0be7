import { type Call, get } from './call.ts'
import { passkeyCalls } from './passkeys.ts'
import { passwordCalls } from './password.ts'
import { profileCalls } from './profile.ts'
import * as it from './schemas.ts'
import { sessionCalls } from './sessions.ts'
import { signInCalls } from './sign-in.ts'
import { signUpCalls } from './sign-up.ts'
import { twoFactorCalls } from './two-factor.ts'

/** All calls of Better Auth that Duly offers, in the order of the OpenAPI document. */
export const accountCalls: readonly Call[] = [
  ...signUpCalls,
  ...signInCalls,
  ...sessionCalls,
  ...passwordCalls,
  ...profileCalls,
  ...twoFactorCalls,
  ...passkeyCalls,
  get('/ok', {
    id: 'areAccountsOk',
    summary: 'Check whether accounts are available',
    answers: { 200: it.answer('Accounts are available.', { ok: it.flag }) },
  }),
]
