import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { byAccount, byAddress, network } from './attempts.ts'

describe('the network of an address', () => {
  for (const [address, expected] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::', '2001:db8:1:2'],
    ['2001:DB8:1:2:ffff::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ] as const) {
    it(`${address} is in ${expected}`, () => assert.equal(network(address), expected))
  }
})

describe('the key of a count', () => {
  it('tells neither the address nor the account', () => {
    const keys = [byAddress('192.0.2.7'), ...byAccount('ann@example.com', '192.0.2.7', undefined)].map(
      ({ key }) => key,
    )
    for (const key of keys) assert.match(key, /^[\w-]{43}$/)
    assert.equal(new Set(keys).size, 3)
  })

  it('does not confuse an account and an address that look alike together', () => {
    const keyOf = (email: string, device: string) => byAccount(email, '::1', device)[0]?.key
    assert.notEqual(keyOf('a', 'bc'), keyOf('ab', 'c'))
  })
})
