import assert from 'node:assert/strict'
import { it } from 'node:test'
import { canonicalEmail } from './email.ts'

it('every spelling of an email address has one canonical form', () => {
  for (const [canonical, ...spellings] of [
    [
      'anna@xn--bcher-kva.example',
      'anna@bücher.example',
      ' Anna@BÜCHER.example\n',
      'anna@xn--bcher-kva.example',
      'anna@bu\u0308cher.example',
    ],
    ['用户@xn--r8jz45g.jp', '用户@例え.jp', '用户@例え。jp', '\u3000用户@例え.JP '],
    ['иван@xn--e1afmkfd.xn--p1ai', 'Иван@пример.рф', 'ИВАН@XN--E1AFMKFD.xn--p1ai'],
    ['jos\u00e9@example.com', 'jose\u0301@example.com', 'JOSÉ@Example.COM'],
    ["o'brien+x@example.co.uk", "O'Brien+X@example.co.uk"],
    ['a!#$%&*/=?^_`{|}~b@example.com', 'A!#$%&*/=?^_`{|}~b@example.com'],
  ] as const) {
    for (const spelling of spellings) assert.equal(canonicalEmail(spelling), canonical, spelling)
    assert.equal(canonicalEmail(canonical), canonical)
  }
})

it('text that is not an email address has no canonical form', () => {
  for (const text of [
    '',
    '@',
    'a',
    'a@',
    '@example.com',
    'a@b',
    'a@@example.com',
    'a@b@example.com',
    'a b@example.com',
    '"a"@example.com',
    'a@example',
    'a@1.1',
    'a@127.0.0.1',
    'a@[::1]',
    'a@example.com:25',
    'a@example.com/x',
    'a@example.com.',
    'a@.example.com',
    'a@exa mple.com',
    'a@exa\tmple.com',
    'a@ex%41mple.com',
    'a@example.com?x',
    'a@example.com#x',
    'a@example.com\\x',
    'a@ex_ample.com',
    'a@example.com／x',
    '.a@example.com',
    'a.@example.com',
    'a..b@example.com',
    'a\u200bb@example.com',
    'a\0@example.com',
    'Anna <a@example.com>',
    'a@example.com, b@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b.'.repeat(130)}com`,
    '\ud800@example.com',
  ]) {
    assert.equal(canonicalEmail(text), undefined, JSON.stringify(text))
  }
})
