import assert from 'node:assert/strict'
import { it } from 'node:test'
import { signUpFields } from './credentials.ts'

it('a new user is named after the first name that is set, or else after a part of the email address', () => {
  const email = 'ann.b@example.com'
  const nameOf = (sent: object) => signUpFields({ email, password: 'x', ...sent }).name
  for (const [sent, name] of [
    [{}, 'ann.b'],
    [{ name: ' Ann B. ', full_name: 'x', username: 'y' }, 'Ann B.'],
    [{ name: '', full_name: 'Ann Full' }, 'Ann Full'],
    [{ name: null, full_name: ' ', first_name: 'Ann', last_name: 'B' }, 'Ann B'],
    [{ first_name: 'Ann', last_name: '' }, 'Ann'],
    [{ last_name: 'B', username: 'ann' }, 'B'],
    [{ username: 'ann' }, 'ann'],
  ] as const) {
    assert.equal(nameOf(sent), name, JSON.stringify(sent))
  }
})
