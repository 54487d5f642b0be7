import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withoutAddresses } from './without-addresses.ts'

describe('a message for the log', () => {
  it('contains no email address', () => {
    assert.equal(withoutAddresses('User ann@example.com not found'), 'User …@… not found')
    assert.equal(withoutAddresses('"ann@example.com", <bob@example.com>'), '…@… …@…')
    assert.equal(withoutAddresses('nothing of the kind'), 'nothing of the kind')
  })

  // A search that is quadratic in the length would take hours.
  it('takes linear time', () => {
    for (const long of ['a'.repeat(10_000_000), 'a@'.repeat(5_000_000), ' a'.repeat(5_000_000)])
      assert.ok(withoutAddresses(`Invalid callbackURL: ${long}`).length <= 500)
  })
})
