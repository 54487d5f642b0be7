import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tasks } from '../tasks/fields.ts'
import { inputReader } from './input.ts'

const read = inputReader(
  [
    { name: 'title', field: tasks.fields.title, maxLength: 5 },
    { name: 'description', field: tasks.fields.description, maxLength: 8 },
    { name: 'done', field: tasks.fields.is_completed },
  ],
  ['title'],
)
const readTitle = (title: unknown) => read(title === undefined ? {} : { title })
const readDescription = (description: unknown) => read({ title: 'a', description })
const sheep = '🐑'
const family = '👨‍👩‍👧'

describe('a title', () => {
  const accepted: readonly (readonly [name: string, value: string, title: string])[] = [
    ['is trimmed', '  a b\t\n', 'a b'],
    ['has all leading and trailing white space removed', '\u00a0\u3000\u2028\ufeffa\u2003', 'a'],
    ['keeps its inner spaces', 'a \n b', 'a \n b'],
    ['may have the maximum length', 'abcde', 'abcde'],
    ['may have the maximum length once trimmed', '   abcde   ', 'abcde'],
    ['is counted in code points, so an emoji counts as one', sheep.repeat(5), sheep.repeat(5)],
    ['may contain an emoji of as many code points as the limit', family, family],
    ['may contain right-to-left text', 'שלום', 'שלום'],
    ['may contain an emoji joined by zero-width joiners', '👩‍🚀', '👩‍🚀'],
    ['may contain marks of direction', '\u200fשלום', '\u200fשלום'],
    ['may contain control characters other than NUL', 'a\u0001\u001b', 'a\u0001\u001b'],
    ['may contain the last code point', '\u{10ffff}', '\u{10ffff}'],
    ['is not normalized', 'e\u0301', 'e\u0301'],
    ['may consist of digits', '0', '0'],
  ]
  for (const [name, value, title] of accepted) {
    it(name, () => assert.deepEqual(readTitle(value), { values: { title }, problems: [] }))
  }

  const long = 'Title must have at most 5 characters, not 6.'
  const empty = 'Title must not be empty.'
  const invisible = 'Title must contain a visible character.'
  const text = (sent: string) => `Title must be a string, not ${sent}.`
  const nul = 'Title must not contain a NUL character.'
  const half = 'Title must not contain half of a surrogate pair.'
  const refused: readonly (readonly [name: string, value: unknown, message: string])[] = [
    ['is required', undefined, 'Title is required.'],
    ['is not null', null, text('null')],
    ['is not a number', 7, text('7')],
    ['is not a boolean', true, text('true')],
    ['is not an array', ['a'], text('an array')],
    ['is not an object', { toString: 'a' }, text('an object')],
    ['is not empty', '', empty],
    ['does not consist of white space', ' \t\r\n ', empty],
    ['does not consist of white space of any script', '\u00a0\u2003\u3000\ufeff', empty],
    ...[
      '\u200b',
      '\u2800',
      '\u3164',
      '\uffa0',
      '\u115f\u1160',
      '\u00ad',
      '\u034f',
      '\u2066\u2069',
      '\ufe0f',
      '\u{e0020}',
      '\u0001',
      ' \u2060 ',
    ].map(
      value =>
        [`does not consist of invisible characters (${JSON.stringify(value)})`, value, invisible] as const,
    ),
    ['does not exceed the limit', 'abcdef', long],
    ['does not exceed the limit in emoji', sheep.repeat(6), long],
    ['does not exceed the limit by one emoji', `abcde${sheep}`, long],
    ['does not exceed the limit through inner spaces', 'a    b', long],
    ['contains no NUL', 'a\0b', nul],
    ['is not a NUL', '\0', nul],
    ['does not end in a NUL', 'a\0 ', nul],
    ['contains no lone leading surrogate', 'a\ud83db', half],
    ['contains no lone trailing surrogate', '\udc11', half],
    ['contains no surrogates in the wrong order', '\udc11\ud83d', half],
    ['does not end in half of an emoji', `abcd${sheep[0]}`, half],
  ]
  for (const [name, value, message] of refused) {
    it(name, () => assert.deepEqual(readTitle(value).problems, [{ field: 'title', message }]))
  }
})

describe('a description', () => {
  const accepted: readonly (readonly [name: string, value: unknown, description: string | null])[] = [
    ['may be null', null, null],
    ['may be empty, which differs from absent', '', ''],
    ['is returned untrimmed', '  a\n ', '  a\n '],
    ['may consist of white space', '   ', '   '],
    ['may have the maximum length', 'abcdefgh', 'abcdefgh'],
    ['is counted in code points', sheep.repeat(8), sheep.repeat(8)],
  ]
  for (const [name, value, description] of accepted) {
    it(name, () =>
      assert.deepEqual(readDescription(value), { values: { title: 'a', description }, problems: [] }),
    )
  }

  const long = 'Description must have at most 8 characters, not 9.'
  const text = (sent: string) => `Description must be a string or null, not ${sent}.`
  const refused: readonly (readonly [name: string, value: unknown, message: string])[] = [
    ['is not a number', 0, text('0')],
    ['is not a boolean', false, text('false')],
    ['is not an array', [], text('an array')],
    ['is not an object', {}, text('an object')],
    ['does not exceed the limit', 'abcdefghi', long],
    ['does not exceed the limit with its spaces', ' abcdefg ', long],
    ['does not exceed the limit in emoji', sheep.repeat(9), long],
    ['contains no NUL', '\0', 'Description must not contain a NUL character.'],
    ['contains no lone surrogate', 'a\ud83d', 'Description must not contain half of a surrogate pair.'],
  ]
  for (const [name, value, message] of refused) {
    it(name, () => assert.deepEqual(readDescription(value).problems, [{ field: 'description', message }]))
  }
})

describe('a flag', () => {
  it('is true or false', () => {
    assert.deepEqual(read({ title: 'a', done: true }), { values: { title: 'a', done: true }, problems: [] })
    for (const [done, sent] of [
      ['true', '"true"'],
      [1, '1'],
      [null, 'null'],
      [{}, 'an object'],
    ])
      assert.deepEqual(read({ title: 'a', done }).problems, [
        { field: 'done', message: `"done" must be true or false, not ${sent}.` },
      ])
  })
})

it('all invalid fields are reported in order, and unknown names are ignored', () => {
  const { problems } = read({ description: 7, done: 'no', colour: 'red', title: '' })
  assert.deepEqual(
    problems.map(({ field }) => field),
    ['title', 'description', 'done'],
  )
})
