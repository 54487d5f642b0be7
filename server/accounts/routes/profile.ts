import { type Call, post } from './call.ts'
import * as it from './schemas.ts'

export const profileCalls: readonly Call[] = [
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
  post('/change-email', {
    id: 'changeEmail',
    audited: true,
    summary: 'Change your email address',
    description:
      'A confirmed address changes after you have opened a link in an email to the old address, and then one to the new address.',
    body: it.body({ newEmail: it.email, callbackURL: it.callbackURL }, ['newEmail'], {
      newEmail: 'alice@example.org',
    }),
    answers: { 200: it.done },
    session: true,
    attempts: 'recipient',
  }),
  post('/delete-user', {
    id: 'deleteUser',
    audited: true,
    summary: 'Delete your account and all your tasks',
    description:
      'Needs your password, or a sign-in within the last day. To export your tasks first, use `GET /api/v1/export`.',
    body: it.body({ password: it.givenPassword }, [], { password: 'correct horse battery' }),
    answers: { 200: it.done },
    session: true,
    hashes: true,
    attempts: 'address',
  }),
]
