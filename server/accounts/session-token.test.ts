import assert from 'node:assert/strict'
import { it } from 'node:test'
import { plainJson } from './session-token.ts'

it('the payload contains no character that atob rejects, at any position', () => {
  const characters = Array.from({ length: 0x250 }, (_, code) => String.fromCharCode(code))
  for (const character of [...characters, '用', '\u2028', '\uffff', '😀', '\ud800']) {
    for (const before of ['', 'x', 'xx']) {
      const claims = { sub: before + character }
      const encoded = Buffer.from(plainJson(claims)).toString('base64url')
      assert.doesNotMatch(encoded, /[-_]/)
      assert.deepEqual(JSON.parse(atob(encoded)), claims)
    }
  }
})
