import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fold } from './fold.ts'

describe('folding', () => {
  const alike: readonly (readonly [name: string, ...texts: string[]])[] = [
    ['case', 'Groceries', 'GROCERIES', 'groceries'],
    ['case outside ASCII', 'ÉCOLE', 'école', 'e\u0301cole', 'E\u0301COLE'],
    ['case of Cyrillic and Greek', 'ДЕЛО', 'дело', 'Дело'],
    ['final and other sigmas', 'ΟΔΟΣ', 'οδος', 'οδοσ', 'Οδός'.replace('ό', 'ο')],
    ['sharp s, which is two letters in capitals', 'straße', 'STRASSE', 'STRAẞE'],
    ['Turkish i with and without a dot', 'İstanbul', 'istanbul', 'ISTANBUL', 'ıstanbul'],
    ['ligatures and widths', 'ﬁle', 'FILE', 'ｆｉｌｅ'],
    ['half- and full-width kana', 'ｶﾞ', 'ガ'],
    ['kinds of space', 'a b', 'a\u00a0b', 'a\u3000b'],
  ]
  for (const [name, first, ...others] of alike) {
    it(`takes away ${name}`, () => {
      for (const other of others) assert.equal(fold(other), fold(first ?? ''))
    })
  }

  it('keeps what is not a variant', () => {
    const text = `a_%\\'" 日本 שלום مرحبا \u{1f411}\n`
    assert.equal(fold(text), text)
    assert.notEqual(fold('é'), fold('e'))
  })

  it('done twice is the same as once', () => {
    for (const text of alike.flatMap(([, ...texts]) => texts)) assert.equal(fold(fold(text)), fold(text))
  })

  it('leaves no text empty', () => {
    for (const text of ['\u200b', '\ufeff', '\u0307', '\u00ad', ' ']) assert.notEqual(fold(text), '')
  })
})
