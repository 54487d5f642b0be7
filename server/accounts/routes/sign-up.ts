import { type Call, get, post } from './call.ts'
import * as it from './schemas.ts'

export const signUpCalls: readonly Call[] = [
  post('/sign-up/email', {
    id: 'signUp',
    audited: true,
    summary: 'Sign up',
    description:
      'With `SMTP_URL`, users must confirm their email address before they can sign in. The response is then the same if the address already has an account.',
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
      200: it.answer('The new user. Signed in, unless the email address must be confirmed first.', {
        user: it.user,
      }),
    },
    hashes: true,
    choosesPassword: 'password',
    attempts: 'proof',
  }),
  post('/send-verification-email', {
    id: 'sendVerification',
    summary: 'Send another email that confirms your address',
    body: it.body({ email: it.email, callbackURL: it.callbackURL }, ['email'], {
      email: 'alice@example.com',
    }),
    answers: { 200: it.done },
    attempts: 'proof',
  }),
  get('/verify-email', {
    id: 'verifyEmail',
    audited: true,
    summary: 'Confirm an email address',
    description: 'The link in the email leads here.',
    parameters: [
      { ...it.inQuery('token', { type: 'string' }, 'The token of the email.'), required: true },
      it.inQuery('callbackURL', { type: 'string' }, 'Where to redirect the browser afterwards.'),
    ],
    answers: { 200: it.done, 302: it.redirect },
  }),
]
