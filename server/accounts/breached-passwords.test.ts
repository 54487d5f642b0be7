import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { isBreached, listProblem } from './breached-passwords.ts'

const folder = mkdtempSync(join(tmpdir(), 'duly-breached-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const hashOf = (password: string) => createHash('sha1').update(password).digest('hex').toUpperCase()
const file = join(folder, 'list')

describe('the list of breached passwords', () => {
  for (const [name, lineOf, end] of [
    ['in the format of Have I Been Pwned', (hash: string) => `${hash}:${hash.length}`, '\r\n'],
    ['with hashes alone', (hash: string) => hash.toLowerCase(), '\n'],
  ] as const) {
    it(`finds every password of the list and no other, ${name}`, async () => {
      for (const count of [1, 2, 3, 10, 257]) {
        const passwords = Array.from({ length: count }, (_, n) => `password ${n}`)
        const lines = passwords.map(hashOf).sort().map(lineOf)
        for (const text of [lines.join(end), lines.join(end) + end]) {
          writeFileSync(file, text)
          for (const password of passwords)
            assert.equal(await isBreached(file, password), true, `${password} of ${count}`)
          for (let n = 0; n < 10; n += 1) assert.equal(await isBreached(file, `another ${n}`), false)
        }
      }
    })
  }

  it('is rejected if it is missing or its first line is not a SHA-1 hash', () => {
    for (const text of ['', 'hello', '\n', '5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD']) {
      writeFileSync(file, text)
      assert.equal(listProblem(file), 'its first line is not a SHA-1 hash')
    }
    assert.equal(listProblem(join(folder, 'missing')), 'it does not exist')
  })
})
