import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { network, site } from './network.ts'

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
    ['no address', 'none'],
    ['x'.repeat(10_000), 'none'],
  ] as const) {
    it(`${address.slice(0, 40)} belongs to ${expected}`, () => {
      assert.equal(network(address), expected)
      const isIPv6 = expected.includes(':')
      assert.equal(site(address), isIPv6 ? expected.split(':').slice(0, 3).join(':') : expected)
    })
  }
})
