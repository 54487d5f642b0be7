import { invisible, whiteSpace } from '../fields/visible.ts'

// The folded text that searches and the order of titles compare. It is computed here and stored,
// because PostgreSQL's `lower()` depends on the locale of the database: ASCII only, under `C`.

/**
 * Removes differences that do not matter to a search, in every script: case, accents, widths and
 * compatibility variants, quotes and dashes, digits of other scripts, invisible characters,
 * runs of white space. Case is folded as by Unicode's full case folding, with the dotted and
 * dotless i of Turkish folded together.
 *
 * Marks that make another letter stay: the vowel signs and tone marks of Indic and Southeast Asian
 * scripts, the voicing marks of kana (か and が), and the marks of Cyrillic letters that have a key
 * of their own (й, ї, ў). Only ё is folded, since it is mostly written е.
 */
export function fold(text: string): string {
  if (isAscii(text)) {
    const lower = text.toLowerCase().replaceAll('`', "'")
    const isPlain = !/[^ -~]| {2}/.test(lower)
    return (isPlain ? lower : lower.replace(invisible, '').replace(whiteSpace, ' ')).trim()
  }
  return text
    .replace(/´/g, "'")
    .replace(/[″‶]/g, '"')
    .normalize('NFKC')
    .replace(invisible, '')
    .replace(punctuation, mark =>
      singleQuotes.includes(mark) ? "'" : doubleQuotes.includes(mark) ? '"' : '-',
    )
    .replace(notComposed, part => part.normalize('NFD').replace(diacritics, ''))
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replace(otherLetters, letter => letters[letter] ?? letter)
    .replace(otherDigits, digitOf)
    .replace(whiteSpace, ' ')
    .trim()
    .normalize('NFC')
}

/** The folded words of a text. A word that PostgreSQL cannot store matches no task. */
export function wordsOf(text: string): string[] {
  return fold(text.toWellFormed())
    .split(' ')
    .filter(word => word !== '')
}

const singleQuotes = '`‘’‚‛′‵‹›ʹʻʼʽˈʾʿ՚׳Ꞌꞌ'
const doubleQuotes = '“”„‟«»״〝〞〟❝❞'
const punctuation = new RegExp(`(?![-〜〰゠])[${singleQuotes}${doubleQuotes}\\p{Pd}−⁃]`, 'gu')

// In these scripts a composed letter is another letter.
const notComposed = /[^\p{Script=Cyrillic}\p{Script=Hiragana}\p{Script=Katakana}]+/gu
const diacritics =
  /(?:(?=\p{M})[\p{Script=Inherited}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}]|\u0640)+/gu

/** Letters without a decomposition that people type as another, plainer one, in lower case. */
const letters: Readonly<Record<string, string>> = {
  ...{ ς: 'σ', ё: 'е', ѐ: 'е', ѝ: 'и', '〜': '~', '⁄': '/' },
  ...{ đ: 'd', ð: 'd', ɖ: 'd', ɗ: 'd', ł: 'l', ø: 'o', ħ: 'h', ŧ: 't', æ: 'ae', œ: 'oe', þ: 'th' },
  ...{ ŋ: 'n', ɓ: 'b', ƙ: 'k', ƴ: 'y' },
  // As Lucene's normalizers for Arabic and Persian.
  ...{ ة: 'ه', ى: 'ي', ٱ: 'ا', ک: 'ك', ی: 'ي', ہ: 'ه' },
}
const otherLetters = new RegExp(`[${Object.keys(letters).join('')}]`, 'gu')
const otherDigits = /(?![0-9])\p{Nd}/gu

/** Unicode gives each script its ten digits in a row. */
function digitOf(digit: string): string {
  const point = digit.codePointAt(0) ?? 0
  let value = 0
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(point - value - 1))) value += 1
  return String(value)
}

function isAscii(text: string): boolean {
  for (let n = 0; n < text.length; n += 1) if (text.charCodeAt(n) > 0x7f) return false
  return true
}
