import fc from 'fast-check'
import { codePoint } from './code-point.ts'

// Values for the fuzz tests, generated from the schema of a body: texts, values and whole bodies.

/** A property in the request schemas of the OpenAPI document. */
export interface FieldSchema {
  readonly type?: string | readonly string[]
  readonly maxLength?: number
}

export interface BodySchema {
  readonly required?: readonly string[]
  readonly properties: Readonly<Record<string, FieldSchema>>
}

const marks = [
  ...[
    '\0',
    '\u0001',
    '\u001f',
    '\u007f',
    '\u0085',
    '\u00a0',
    '\u200b',
    '\u2028',
    '\u3000',
    '\ufeff',
    '\uffff',
  ],
  ...[
    '\ud800',
    '\udfff',
    '\udc00\ud800',
    '🐑',
    '👩‍👩‍👧‍👦',
    'e\u0301',
    '\u0301',
    'שלום',
    '\u202eabc',
    '中文',
    'ﬁ',
    'İ',
    'ß',
    '\u{10ffff}',
  ],
  ...[
    "'; drop table duly.tasks; --",
    '"',
    '\\',
    '\\u0000',
    '%00',
    '%s',
    '%{x}',
    '{{x}}',
    '<script>',
    'null',
    '\t',
    '\r\n',
    ' ',
  ],
]

/** Texts around a limit, counted in code points, and texts with all kinds of characters. */
export function texts(limit: number): fc.Arbitrary<string> {
  const units = fc.constantFrom('x', '🐑', 'é', '中', ' ')
  const atLimit = fc
    .tuple(units, fc.integer({ min: -1, max: 1 }))
    .map(([unit, off]) => unit.repeat(limit + off))
  const padded = fc
    .tuple(fc.constantFrom(' ', '\n', '\u00a0', '\u3000', '\ufeff'), atLimit)
    .map(([blank, text]) => blank + text + blank)
  const marked = fc
    .array(fc.oneof(fc.constantFrom(...marks), fc.string({ maxLength: 4 })), { maxLength: 6 })
    .map(parts => parts.join(''))
  const codeUnits = fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
    .map(units => String.fromCharCode(...units))
  return fc.oneof(
    marked,
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: codePoint }),
    codeUnits,
    atLimit,
    padded,
  )
}

const numbers = fc.constantFrom(
  '0',
  '-0',
  '1',
  '1.5',
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '1'.repeat(400),
  '0.1e1',
)

/** A value as JSON text, which can be one that JavaScript cannot represent. */
function jsonTexts({ maxLength = 100 }: FieldSchema): fc.Arbitrary<string> {
  const text = texts(maxLength).map(value => JSON.stringify(value))
  const nested = fc
    .integer({ min: 1, max: 5000 })
    .chain(depth =>
      fc.constantFrom('['.repeat(depth) + ']'.repeat(depth), `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
    )
  const others = fc.oneof(
    numbers,
    fc.constantFrom('true', 'false', 'null', '"true"', '"false"', '[]', '{}', '""'),
    fc.json({ maxDepth: 3 }),
    nested,
  )
  return fc.oneof({ weight: 6, arbitrary: text }, { weight: 3, arbitrary: others })
}

const strangeNames = [
  '__proto__',
  'constructor',
  'toString',
  'prototype',
  'id',
  'revision',
  'created_at',
  'priority',
  '',
  'title\0',
  'TITLE',
  'tïtle',
]
const valid: Readonly<Record<string, string>> = { string: '"Water the plants"', boolean: 'true' }

/**
 * A JSON object as text, with fields that are valid, hostile, absent, duplicated or unknown.
 * @param examples valid values of fields that do not accept every text
 */
export function objects(
  { properties }: BodySchema,
  examples: Readonly<Record<string, unknown>> = {},
): fc.Arbitrary<string> {
  const fields = Object.entries(properties).map(([name, schema]) => {
    const known = JSON.stringify(examples[name]) as string | undefined
    const good = fc.constant(known ?? valid[[schema.type ?? 'string'].flat()[0] as string] ?? 'null')
    const value = fc.oneof({ weight: 3, arbitrary: good }, { weight: 2, arbitrary: jsonTexts(schema) })
    return fc
      .array(value, { minLength: 0, maxLength: 2, size: 'max' })
      .map(values => values.slice(0, values.length === 2 ? 2 : 1).map(text => [name, text] as const))
  })
  const strange = fc.array(fc.tuple(fc.constantFrom(...strangeNames), jsonTexts({})), { maxLength: 2 })
  return fc.tuple(fc.tuple(...fields), strange).map(([known, unknown]) => {
    const entries = [...known.flat(), ...unknown].map(([name, text]) => `${JSON.stringify(name)}:${text}`)
    return `{${entries.join(',')}}`
  })
}

/** Texts that are not JSON objects, or almost. */
export function brokenTexts(schema: BodySchema): fc.Arbitrary<string> {
  const cut = fc.tuple(objects(schema), fc.nat(200)).map(([text, at]) => text.slice(0, at))
  const followed = fc
    .tuple(objects(schema), fc.constantFrom('x', '}', '{}', '//', '\0', ',', '\n'))
    .map(parts => parts.join(''))
  const whole = fc.constantFrom(
    '',
    ' ',
    'null',
    'true',
    '7',
    '"text"',
    '[]',
    '[{"title":"a"}]',
    '{',
    '}',
    "{'title':'a'}",
    '{title:"a"}',
    '{"title":"a",}',
    '{"title":NaN}',
    '{"title":"a" /* no */}',
    '{"title":"\u0001"}',
    '\ufeff{"title":"a"}',
    '{"title":"a"}{"title":"b"}',
    '{"title":"\\x"}',
    '{"title":"\\ud83d"}',
    'title=a',
    '<title>a</title>',
  )
  const large = fc.constantFrom(
    `{"title":"a","x":"${'x'.repeat(140_000)}"}`,
    `{"title":"${'x'.repeat(140_000)}"}`,
    `${' '.repeat(140_000)}{}`,
  )
  return fc.oneof(
    { weight: 4, arbitrary: cut },
    { weight: 4, arbitrary: followed },
    { weight: 8, arbitrary: whole },
    { weight: 1, arbitrary: large },
  )
}

/** Bytes that are not UTF-8, within a JSON text or as the whole body. */
export const brokenBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .constantFrom([0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82])
    .map(bytes => Buffer.concat([Buffer.from('{"title":"a'), Buffer.from(bytes), Buffer.from('b"}')])),
  fc.uint8Array({ maxLength: 64 }),
)

export const mediaTypes: fc.Arbitrary<string | undefined> = fc.constantFrom(
  undefined,
  ...[
    '',
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF8"',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
  ],
  ...[
    'text/plain',
    'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/merge-patch+json',
    'application/xml',
    'json',
    '/',
    ';',
    'application/json, text/html',
  ],
)
