import { type Operation, ref } from '../../openapi/operation.ts'
import * as it from './schemas.ts'

/** One call of Better Auth, and what is looked after before it gets there. */
export interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly body?: NonNullable<Operation['body']>
  readonly parameters?: Operation['parameters']
  readonly answers: Operation['answers']
  /** Whether the audit log tells of it. */
  readonly audited?: true
  /** Needs the cookie of a session. */
  readonly session?: true
  /** Hashes a password: bounded, since each takes a core for a while. */
  readonly hashes?: true
  /** The field that is a new password. */
  readonly choosesPassword?: 'password' | 'newPassword'
  /** Sends the browser to a provider. */
  readonly toProvider?: true
  /** Guesses at a password, a code or an email address; or sends an email, which may prove who reads it. */
  readonly attempts?: 'address' | 'account' | 'recipient' | 'proof'
}

type Description = Omit<Call, 'method' | 'path'>
const get = (path: string, call: Description): Call => ({ method: 'GET', path: `/api/auth${path}`, ...call })
const post = (path: string, call: Description): Call => ({
  method: 'POST',
  path: `/api/auth${path}`,
  ...call,
})

/** In the order in which a person meets them. */
export const accountCalls: readonly Call[] = [
  post('/sign-up/email', {
    id: 'signUp',
    audited: true,
    summary: 'Sign up',
    description:
      'Where emails are sent, the address has to be confirmed before the first sign-in, and the answer is the same whether it has an account already.',
    body: it.body(
      {
        name: it.name,
        email: it.email,
        password: it.password,
        image: it.image,
        callbackURL: it.callbackURL,
        rememberMe: it.flag,
      },
      ['name', 'email', 'password'],
      { name: 'Alice', email: 'alice@example.com', password: 'correct horse battery' },
    ),
    answers: {
      200: it.answer('The new user, signed in unless an email has to be answered first.', {
        user: it.user,
      }),
    },
    hashes: true,
    choosesPassword: 'password',
    attempts: 'proof',
  }),
  post('/sign-in/email', {
    id: 'signIn',
    audited: true,
    summary: 'Sign in with e-mail and password',
    body: it.body(
      { email: it.email, password: it.givenPassword, callbackURL: it.callbackURL, rememberMe: it.flag },
      ['email', 'password'],
      { email: 'alice@example.com', password: 'correct horse battery' },
    ),
    answers: { 200: it.signedIn },
    hashes: true,
    attempts: 'account',
  }),
  post('/sign-in/social', {
    id: 'signInWithProvider',
    toProvider: true,
    summary: 'Sign in with GitHub or Google',
    description: 'Where they are set up. The answer says where to send the browser.',
    body: it.body(
      {
        provider: it.provider,
        callbackURL: it.callbackURL,
        newUserCallbackURL: it.callbackURL,
        errorCallbackURL: it.callbackURL,
        disableRedirect: it.flag,
        requestSignUp: it.flag,
      },
      ['provider'],
      { provider: 'github', callbackURL: '/docs' },
    ),
    answers: {
      200: it.answer('Where to send the browser.', { url: { type: 'string' }, redirect: it.flag }),
    },
    attempts: 'address',
  }),
  get('/callback/{provider}', {
    id: 'returnFromProvider',
    audited: true,
    toProvider: true,
    summary: 'Where GitHub and Google send the browser back to',
    parameters: [
      it.inQuery('code', { type: 'string' }, 'What the provider vouches with.'),
      it.inQuery('state', { type: 'string' }, 'What this server gave along.'),
    ],
    answers: { 302: it.redirect },
  }),
  post('/sign-out', {
    id: 'signOut',
    audited: true,
    summary: 'Sign out',
    description: 'Ends this session; tokens that came from it are refused everywhere within a second.',
    answers: { 200: it.done },
  }),
  get('/get-session', {
    id: 'getSession',
    summary: 'Who is signed in',
    description: 'Null where nobody is. With a session, the header `set-auth-jwt` has a token.',
    answers: {
      200: {
        description: 'The session and its user.',
        schema: {
          anyOf: [
            { type: 'null' },
            {
              type: 'object',
              required: ['session', 'user'],
              properties: { session: it.session, user: it.user },
            },
          ],
        },
      },
    },
  }),
  get('/token', {
    id: 'getToken',
    summary: 'A token for the other calls',
    description: 'A JWT (EdDSA), good for 15 minutes.',
    answers: { 200: it.answer('The token.', { token: { type: 'string' } }) },
    session: true,
  }),
  get('/jwks', {
    id: 'getKeys',
    summary: 'The public keys that check tokens',
    description: 'A JWK Set (RFC 7517), for other services that accept these tokens.',
    answers: { 200: { description: 'The keys.', schema: ref('Jwks') } },
  }),
  get('/list-sessions', {
    id: 'listSessions',
    summary: 'List your sessions',
    answers: { 200: it.list('Where you are signed in.', it.session) },
    session: true,
  }),
  post('/revoke-session', {
    id: 'revokeSession',
    audited: true,
    summary: 'End one of your sessions',
    body: it.body({ token: it.sessionToken }, ['token'], { token: 'Jq2…' }),
    answers: { 200: it.done },
    session: true,
  }),
  post('/revoke-sessions', {
    id: 'revokeSessions',
    audited: true,
    summary: 'Sign out everywhere',
    answers: { 200: it.done },
    session: true,
  }),
  post('/revoke-other-sessions', {
    id: 'revokeOtherSessions',
    audited: true,
    summary: 'Sign out everywhere else',
    answers: { 200: it.done },
    session: true,
  }),
  post('/update-user', {
    id: 'updateUser',
    audited: true,
    summary: 'Change your name or picture',
    body: it.body({ name: it.name, image: { ...it.image, type: ['string', 'null'] } }, [], {
      name: 'Alice B.',
    }),
    answers: { 200: it.done },
    session: true,
  }),
  post('/change-password', {
    id: 'changePassword',
    audited: true,
    summary: 'Change your password',
    description:
      'Other sessions and personal access tokens stay valid unless `revokeOtherSessions` or `revokeTokens` is true.',
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
    answers: { 200: it.answer('Changed.', { user: it.user }) },
    session: true,
    hashes: true,
    choosesPassword: 'newPassword',
    attempts: 'address',
  }),
  post('/change-email', {
    id: 'changeEmail',
    audited: true,
    summary: 'Change your e-mail address',
    description: 'A confirmed address is changed once emails to the old and the new one have been answered.',
    body: it.body({ newEmail: it.email, callbackURL: it.callbackURL }, ['newEmail'], {
      newEmail: 'alice@example.org',
    }),
    answers: { 200: it.done },
    session: true,
    attempts: 'recipient',
  }),
  post('/request-password-reset', {
    id: 'requestPasswordReset',
    audited: true,
    summary: 'Ask for a new password',
    description: 'Sends a link, if there is such an account; the answer does not tell.',
    body: it.body({ email: it.email, redirectTo: it.callbackURL }, ['email'], {
      email: 'alice@example.com',
      redirectTo: '/docs',
    }),
    answers: { 200: it.done },
    attempts: 'proof',
  }),
  get('/reset-password/{token}', {
    id: 'followPasswordReset',
    summary: 'The link of that email',
    parameters: [it.inQuery('callbackURL', { type: 'string' }, 'The page that asks for the new password.')],
    answers: { 302: it.redirect },
  }),
  post('/reset-password', {
    id: 'resetPassword',
    audited: true,
    summary: 'Choose a new password',
    description: 'With the token of the email. Ends every session and revokes every personal access token.',
    body: it.body({ newPassword: it.password, token: it.id }, ['newPassword', 'token'], {
      newPassword: 'staple battery horse',
      token: 'x7…',
    }),
    answers: { 200: it.done },
    hashes: true,
    choosesPassword: 'newPassword',
    attempts: 'address',
  }),
  post('/send-verification-email', {
    id: 'sendVerification',
    summary: 'Ask for another email that confirms your address',
    body: it.body({ email: it.email, callbackURL: it.callbackURL }, ['email'], {
      email: 'alice@example.com',
    }),
    answers: { 200: it.done },
    attempts: 'proof',
  }),
  get('/verify-email', {
    id: 'verifyEmail',
    audited: true,
    summary: 'The link of that email',
    parameters: [
      { ...it.inQuery('token', { type: 'string' }, 'What the email vouches with.') },
      it.inQuery('callbackURL', { type: 'string' }, 'Where the browser goes afterwards.'),
    ],
    answers: { 200: it.done, 302: it.redirect },
  }),
  post('/delete-user', {
    id: 'deleteUser',
    audited: true,
    summary: 'Remove your account and all your tasks',
    description:
      'With your password, or within a day of signing in. Nothing is left. See also `GET /api/v1/export`.',
    body: it.body({ password: it.givenPassword }, [], { password: 'correct horse battery' }),
    answers: { 200: it.done },
    session: true,
    hashes: true,
    attempts: 'address',
  }),
  get('/list-accounts', {
    id: 'listSignIns',
    summary: 'List the ways in which you can sign in',
    answers: {
      200: it.list('Password and providers.', { type: 'object', required: ['id', 'providerId'] }),
    },
    session: true,
  }),
  post('/link-social', {
    id: 'linkProvider',
    audited: true,
    toProvider: true,
    summary: 'Sign in with a provider too',
    body: it.body(
      {
        provider: it.provider,
        callbackURL: it.callbackURL,
        errorCallbackURL: it.callbackURL,
        disableRedirect: it.flag,
      },
      ['provider'],
      {
        provider: 'github',
        callbackURL: '/docs',
      },
    ),
    answers: {
      200: it.answer('Where to send the browser.', { url: { type: 'string' }, redirect: it.flag }),
    },
    session: true,
    attempts: 'address',
  }),
  post('/unlink-account', {
    id: 'unlinkProvider',
    audited: true,
    summary: 'Sign in with a provider no more',
    body: it.body({ accountId: it.id }, ['accountId'], { accountId: 'k3…' }),
    answers: { 200: it.done },
    session: true,
  }),
  post('/two-factor/enable', {
    id: 'enableTwoFactor',
    audited: true,
    summary: 'Set up a second factor',
    description:
      'Gives the secret for an authenticator (TOTP, RFC 6238) and codes for the day it is lost. It counts once a code was verified.',
    body: it.body({ password: it.givenPassword, issuer: it.name }, [], {
      password: 'correct horse battery',
    }),
    answers: {
      200: it.answer('For the authenticator.', {
        totpURI: { type: 'string' },
        backupCodes: { type: 'array', items: { type: 'string' } },
      }),
    },
    session: true,
    hashes: true,
    attempts: 'address',
  }),
  post('/two-factor/disable', {
    id: 'disableTwoFactor',
    audited: true,
    summary: 'Give the second factor up',
    body: it.body({ password: it.givenPassword }, [], { password: 'correct horse battery' }),
    answers: { 200: it.done },
    session: true,
    hashes: true,
    attempts: 'address',
  }),
  post('/two-factor/get-totp-uri', {
    id: 'getTotpUri',
    audited: true,
    summary: 'The secret for another authenticator',
    body: it.body({ password: it.givenPassword }, [], { password: 'correct horse battery' }),
    answers: { 200: it.answer('For the authenticator.', { totpURI: { type: 'string' } }) },
    session: true,
    hashes: true,
    attempts: 'address',
  }),
  post('/two-factor/verify-totp', {
    id: 'verifyTotp',
    audited: true,
    summary: 'Give a code of the authenticator',
    body: it.body({ code: it.code, trustDevice: it.flag }, ['code'], { code: '123456' }),
    answers: { 200: it.answer('Signed in, or the second factor counts from now on.', { user: it.user }) },
    attempts: 'address',
  }),
  post('/two-factor/verify-backup-code', {
    id: 'verifyBackupCode',
    audited: true,
    summary: 'Give one of the codes for the day it is lost',
    body: it.body({ code: it.code, trustDevice: it.flag, disableSession: it.flag }, ['code'], {
      code: 'k3x9a-2b7qz',
    }),
    answers: { 200: it.answer('Signed in.', { user: it.user }) },
    attempts: 'address',
  }),
  post('/two-factor/generate-backup-codes', {
    id: 'generateBackupCodes',
    audited: true,
    summary: 'New codes for the day it is lost',
    body: it.body({ password: it.givenPassword }, [], { password: 'correct horse battery' }),
    answers: {
      200: it.answer('The codes; the old ones are void.', {
        backupCodes: { type: 'array', items: { type: 'string' } },
      }),
    },
    session: true,
    hashes: true,
    attempts: 'address',
  }),
  get('/passkey/generate-register-options', {
    id: 'startPasskey',
    summary: 'Begin to add a passkey',
    parameters: [
      it.inQuery('name', { type: 'string', maxLength: 200 }, 'What you call it.'),
      it.inQuery(
        'authenticatorAttachment',
        { enum: ['platform', 'cross-platform'] },
        'Of this device, or one to carry.',
      ),
    ],
    answers: { 200: it.answer('For `navigator.credentials.create`.', { challenge: { type: 'string' } }) },
    session: true,
    attempts: 'address',
  }),
  post('/passkey/verify-registration', {
    id: 'addPasskey',
    audited: true,
    summary: 'Add the passkey',
    body: it.body({ response: it.credential, name: it.name }, ['response'], {
      response: {},
      name: 'My phone',
    }),
    answers: { 200: it.answer('The passkey.', { id: { type: 'string' } }) },
    session: true,
  }),
  get('/passkey/generate-authenticate-options', {
    id: 'startPasskeySignIn',
    summary: 'Begin to sign in with a passkey',
    answers: { 200: it.answer('For `navigator.credentials.get`.', { challenge: { type: 'string' } }) },
    attempts: 'address',
  }),
  post('/passkey/verify-authentication', {
    id: 'signInWithPasskey',
    audited: true,
    summary: 'Sign in with a passkey',
    body: it.body({ response: it.credential }, ['response'], { response: {} }),
    answers: { 200: it.signedIn },
    attempts: 'address',
  }),
  get('/passkey/list-user-passkeys', {
    id: 'listPasskeys',
    summary: 'List your passkeys',
    answers: { 200: it.list('They.', { type: 'object', required: ['id'] }) },
    session: true,
  }),
  post('/passkey/update-passkey', {
    id: 'renamePasskey',
    audited: true,
    summary: 'Call a passkey something else',
    body: it.body({ id: it.id, name: it.name }, ['id', 'name'], { id: 'p5…', name: 'My old phone' }),
    answers: { 200: it.done },
    session: true,
  }),
  post('/passkey/delete-passkey', {
    id: 'deletePasskey',
    audited: true,
    summary: 'Remove a passkey',
    body: it.body({ id: it.id }, ['id'], { id: 'p5…' }),
    answers: { 200: it.done },
    session: true,
  }),
  get('/ok', {
    id: 'areAccountsOk',
    summary: 'Whether the accounts answer',
    answers: { 200: it.answer('They do.', { ok: it.flag }) },
  }),
]
