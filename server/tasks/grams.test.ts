import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gramsOf } from './grams.ts'

const grams = (text: string, owner = 'alice') => gramsOf(owner, text)

// The same texts in every run (mulberry32).
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('the grams of a text', () => {
  const counts: readonly (readonly [text: string, count: number])[] = [
    ['', 0],
    ['ab', 0],
    ['abc', 1],
    ['abcd', 2],
    ['aaaaaaaa', 1],
    ['ab cd ef', 0],
    ['abc abc\tabc\nabc', 1],
    ['日', 0],
    ['日本', 1],
    ['日本語', 2],
    ['日 本', 0],
    ['ab日本cd', 1],
    ['abc日本語def', 4],
    ['\u{1f411}', 0],
    ['\u{1f411}\u{1f411}', 1],
    ['שלום', 2],
    [' '.repeat(50), 0],
  ]
  for (const [text, count] of counts) {
    it(`${JSON.stringify(text)} has ${count}`, () => assert.equal(grams(text).length, count))
  }

  it('hold those of every part of it', () => {
    const next = random(1)
    const characters = [..."abcdeé  \n%_'日本語カナ\u{1f411}\u{20000}שλ"]
    for (let round = 0; round < 200; round += 1) {
      const text = Array.from({ length: 40 }, () => characters[Math.floor(next() * characters.length)])
      const all = new Set(grams(text.join('')))
      for (let from = 0; from < text.length; from += 1) {
        const to = from + 1 + Math.floor(next() * 10)
        for (const gram of grams(text.slice(from, to).join(''))) assert.ok(all.has(gram))
      }
    }
  })

  it('come once each, however long it is', () => {
    const next = random(2)
    for (const length of [10, 99, 100, 101, 102, 103, 1000, 9000]) {
      const text = Array.from({ length }, () => String.fromCharCode(97 + Math.floor(next() * 8))).join('')
      const expected = new Set(Array.from({ length: length - 2 }, (_, n) => text.slice(n, n + 3)))
      const found = grams(text)
      assert.equal(new Set(found).size, found.length)
      assert.equal(found.length, expected.size)
    }
  })

  it('are another owner’s for another owner', () => {
    const text = 'water the plants on the balcony'
    const alice = new Set(grams(text))
    assert.equal(grams(text, 'alicf').filter(gram => alice.has(gram)).length, 0)
    assert.equal(grams(text, 'bob').filter(gram => alice.has(gram)).length, 0)
  })
})
