import { type Call, get, post } from './call.ts'
import * as it from './schemas.ts'

export const passkeyCalls: readonly Call[] = [
  get('/passkey/generate-register-options', {
    id: 'startPasskey',
    summary: 'Start to add a passkey',
    description: it.recentSignIn,
    parameters: [
      it.inQuery('name', { type: 'string', maxLength: 200 }, 'A name for the passkey.'),
      it.inQuery(
        'authenticatorAttachment',
        { enum: ['platform', 'cross-platform'] },
        'An authenticator of this device, or a separate one.',
      ),
    ],
    answers: {
      200: it.answer('Options for `navigator.credentials.create`.', { challenge: { type: 'string' } }),
    },
    session: true,
    attempts: 'address',
  }),
  post('/passkey/verify-registration', {
    id: 'addPasskey',
    audited: true,
    summary: 'Add a passkey',
    description: it.recentSignIn,
    body: it.body({ response: it.credential, name: it.name }, ['response'], {
      response: {},
      name: 'My phone',
    }),
    answers: { 200: it.answer('The passkey.', { id: { type: 'string' } }) },
    session: true,
  }),
  get('/passkey/generate-authenticate-options', {
    id: 'startPasskeySignIn',
    summary: 'Start to sign in with a passkey',
    answers: {
      200: it.answer('Options for `navigator.credentials.get`.', { challenge: { type: 'string' } }),
    },
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
    answers: { 200: it.list('Your passkeys.', { type: 'object', required: ['id'] }) },
    session: true,
  }),
  post('/passkey/update-passkey', {
    id: 'renamePasskey',
    audited: true,
    summary: 'Rename a passkey',
    body: it.body({ id: it.id, name: it.name }, ['id', 'name'], { id: 'p5…', name: 'My old phone' }),
    answers: { 200: it.done },
    session: true,
  }),
  post('/passkey/delete-passkey', {
    id: 'deletePasskey',
    audited: true,
    summary: 'Delete a passkey',
    body: it.body({ id: it.id }, ['id'], { id: 'p5…' }),
    answers: { 200: it.done },
    session: true,
  }),
]
