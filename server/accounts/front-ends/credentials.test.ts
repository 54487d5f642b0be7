import assert from 'node:assert/strict'
import { it } from 'node:test'
import { signUpFields } from './credentials.ts'

it('the name of a new user is the first one that is given, else a part of the email', () => {
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
