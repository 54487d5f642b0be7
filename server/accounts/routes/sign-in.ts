import { type Call, get, post } from './call.ts'
import * as it from './schemas.ts'

export const signInCalls: readonly Call[] = [
  post('/sign-in/email', {
    id: 'signIn',
    audited: true,
    summary: 'Sign in with email and password',
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
    description: 'Only for providers that are configured. Redirect the browser to the `url` of the response.',
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
    answers: { 200: it.toProvider },
    attempts: 'address',
  }),
  get('/callback/{provider}', {
    id: 'returnFromProvider',
    audited: true,
    toProvider: true,
    summary: 'Complete the sign-in with a provider',
    description: 'GitHub and Google redirect the browser here.',
    parameters: [
      it.inQuery('code', { type: 'string' }, 'The authorization code of the provider.'),
      it.inQuery('state', { type: 'string' }, 'The `state` that this server sent to the provider.'),
    ],
    answers: { 302: it.redirect },
  }),
  post('/sign-out', {
    id: 'signOut',
    audited: true,
    summary: 'Sign out',
    description: 'Ends this session. Its tokens are rejected on all replicas within a second.',
    answers: { 200: it.done },
  }),
  get('/list-accounts', {
    id: 'listSignIns',
    summary: 'List your sign-in methods',
    answers: {
      200: it.list('Your password and your providers.', {
        type: 'object',
        required: ['id', 'providerId'],
      }),
    },
    session: true,
  }),
  post('/link-social', {
    id: 'linkProvider',
    audited: true,
    toProvider: true,
    summary: 'Add a provider to your sign-in methods',
    body: it.body(
      {
        provider: it.provider,
        callbackURL: it.callbackURL,
        errorCallbackURL: it.callbackURL,
        disableRedirect: it.flag,
      },
      ['provider'],
      { provider: 'github', callbackURL: '/docs' },
    ),
    answers: { 200: it.toProvider },
    session: true,
    attempts: 'address',
  }),
  post('/unlink-account', {
    id: 'unlinkProvider',
    audited: true,
    summary: 'Remove a provider from your sign-in methods',
    description: it.recentSignIn,
    body: it.body({ accountId: it.id }, ['accountId'], { accountId: 'k3…' }),
    answers: { 200: it.done },
    session: true,
  }),
]
