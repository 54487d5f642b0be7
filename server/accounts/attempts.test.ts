import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { byAccount, byAddress } from './attempts.ts'

describe('the key of a count', () => {
  it('reveals neither the address nor the account', () => {
    const keys = [byAddress('192.0.2.7'), ...byAccount('ann@example.com', '192.0.2.7', undefined)].map(
      ({ key }) => key,
    )
    for (const key of keys) assert.match(key, /^[\w-]{43}$/)
    assert.equal(new Set(keys).size, 3, 'the address is counted once')
  })

  it('differs for a user and a device whose ids give the same text when joined', () => {
    const keyOf = (userId: string, id: string) => byAccount('x', '::1', { userId, id })[0]?.key
    assert.notEqual(keyOf('a', 'bc'), keyOf('ab', 'c'))
  })
})
