import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fold } from './fold.ts'

describe('folding', () => {
  const alike: readonly (readonly [name: string, ...texts: string[]])[] = [
    ['case', 'Groceries', 'GROCERIES', 'groceries'],
    ['accents', 'ÉCOLE', 'école', 'e\u0301cole', 'ecole'],
    ['case of Cyrillic and Greek', 'ДЕЛО', 'дело', 'Дело'],
    ['final and other sigmas', 'ΟΔΟΣ', 'οδος', 'οδοσ', 'Οδός'],
    ['sharp s, which is two letters in capitals', 'straße', 'STRASSE', 'STRAẞE'],
    ['Turkish i with and without a dot', 'İstanbul', 'istanbul', 'ISTANBUL', 'ıstanbul'],
    ['ligatures and widths', 'ﬁle', 'FILE', 'ｆｉｌｅ'],
    ['half-width and full-width kana', 'ｶﾞ', 'ガ', 'カ\u3099'],
    ['kinds and runs of white space', 'a b', 'a\u00a0b', 'a\u3000b', ' a \t\n b '],
    ['invisible characters', 'ab', 'a\u200bb', 'a\u00adb', 'a\ufeffb', 'a\u2060b', 'a\u0001b', 'a\u3164b'],
    ['apostrophes', "don't", 'don’t', 'don‘t', 'don`t', 'don´t', 'donʼt', 'don＇t'],
    ['quotation marks', '"a"', '“a”', '„a‟', '«a»', '＂a＂', '″a″'],
    ['dashes', 'a-b', 'a–b', 'a—b', 'a\u2011b', 'a−b', 'a－b'],
    ['digits', '12', '１２', '١٢', '۱۲', '१२', '¹²'],
    ['letters with a stroke', 'Łødź Đ', 'lodz d'],
    ['ligatures that are letters', 'Œuvre Æ þ', 'oeuvre ae th'],
    ['Vietnamese', 'Đường phố', 'duong pho'],
    ['ё', 'ёлка', 'елка', 'ЁЛКА'],
    ['stress marks', 'молоко\u0301', 'молоко'],
    ['Arabic vowels, stretching and forms of alef', 'أَحـــمَد', 'احمد'],
    ['Persian and Arabic forms', 'کتابی', 'كتابي'],
    ['Persian joiners', 'می\u200cخواهم', 'میخواهم'],
    ['Hebrew points', 'שָׁלוֹם', 'שלום'],
    ['presentation of emoji', '❤️', '❤'],
  ]
  for (const [name, first, ...others] of alike) {
    it(`ignores ${name}`, () => {
      for (const other of others) assert.equal(fold(other), fold(first ?? ''))
    })
  }

  it('keeps different letters distinct', () => {
    const pairs = [
      ['か', 'が'],
      ['は', 'ぱ'],
      ['и', 'й'],
      ['і', 'ї'],
      ['कि', 'का'],
      ['กา', 'ก่า'],
      ['ー', '-'],
      ['а', 'a'],
    ]
    for (const [one, other] of pairs) assert.notEqual(fold(one ?? ''), fold(other ?? ''))
  })

  it('keeps punctuation and the letters of all scripts', () => {
    const text = `a_%\\'" 日本 שלום مرحبا हिन्दी ภาษาไทย 한국어 \u{1f411}`
    assert.equal(fold(text), text)
  })

  it('is idempotent for every character', () => {
    // Many at once, each between letters: it takes less than half of the time.
    const together = 128
    for (let first = 0; first < 0x110000; first += together) {
      if (first >= 0xd800 && first < 0xe000) continue
      const points = Array.from({ length: together }, (_, n) => first + n).filter(point => point > 0)
      const folded = fold(points.map(point => `x${String.fromCodePoint(point)}y`).join(''))
      if (fold(folded) !== folded) assert.fail(`U+${first.toString(16)} or one of the next ${together}`)
    }
  })

  it('removes line breaks, which separate the folded texts', () => {
    assert.equal(fold('a\r\n\u2028\u0085b'), 'a b')
  })
})
