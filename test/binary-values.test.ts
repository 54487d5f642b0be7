import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { DataRow } from '../server/db/data-row.ts'
import { type Database, statement, unprepared, write } from '../server/db/database.ts'
import { isoTime } from '../server/fields/iso-time.ts'
import { Printer } from '../server/tasks/printer.ts'
import { ownMigratedDatabase } from './served.ts'

// Binary values can be decoded only with their types: an unknown type must be an error.

let db: Database
let close: () => Promise<void>
before(async () => {
  ;({ db, close } = await ownMigratedDatabase())
})
after(() => close())

async function read<T>(expression: string, reader: (row: DataRow) => T): Promise<T | undefined> {
  let value: T | undefined
  await db.read(unprepared(`select ${expression} as value`), [], row => {
    value = reader(row)
  })
  return value
}

const integer = (row: DataRow) => row.integer(0)
const flag = (row: DataRow) => row.flag(0)
const time = (row: DataRow) => isoTime(row.second(0), row.microsecond(0))
const printed = (number: number) => {
  const printer = new Printer()
  printer.reserve(20)
  printer.integer(number)
  return printer.take().toString()
}

describe('a value in binary format', () => {
  const integers: readonly (readonly [type: string, number])[] = [
    ['int2', 5],
    ['int2', -5],
    ['int2', 0],
    ['int2', -32_768],
    ['int4', 7],
    ['int4', -1],
    ['int4', 2_147_483_647],
    ['int4', -2_147_483_648],
    ['int8', -5],
    ['int8', 999_999_999],
    ['int8', 1_000_000_000],
    ['int8', -1_000_000_000],
    ['int8', Number.MAX_SAFE_INTEGER],
    ['int8', Number.MIN_SAFE_INTEGER],
  ]
  for (const [type, number] of integers) {
    it(`is decoded and printed as ${number} if its type is ${type}`, async () => {
      const found = await read(`(${number})::${type}`, integer)
      assert.equal(found, number)
      assert.equal(printed(number), String(number))
    })
  }

  for (const number of [
    '9007199254740992',
    '-9007199254740992',
    '9223372036854775807',
    '-9223372036854775808',
  ]) {
    it(`is rejected as ${number}, which exceeds 2^53`, async () => {
      await assert.rejects(read(`(${number})::int8`, integer), RangeError)
    })
  }

  const times: readonly (readonly [written: string, read: string])[] = [
    ['2026-01-31 09:30:00.123456+00', '2026-01-31T09:30:00.123456Z'],
    ['1999-12-31 23:59:59.999999+00', '1999-12-31T23:59:59.999999Z'],
    ['2285-06-06 00:00:00.000001+00', '2285-06-06T00:00:00.000001Z'],
    ['9999-12-31 23:59:59.999999+00', '9999-12-31T23:59:59.999999Z'],
    ['0001-01-01 00:00:00.000001+00', '0001-01-01T00:00:00.000001Z'],
    ['1500-02-28 12:00:00+00', '1500-02-28T12:00:00.000000Z'],
  ]
  for (const [written, expected] of times) {
    it(`is decoded as the time ${expected}`, async () => {
      assert.equal(await read(`'${written}'::timestamptz`, time), expected)
    })
  }

  for (const written of ['infinity', '-infinity', '0044-03-15 12:00:00+00 BC', '10000-01-01 00:00:00+00']) {
    it(`is rejected as the time ${written}`, async () => {
      await assert.rejects(read(`'${written}'::timestamptz`, time), RangeError)
    })
  }

  it('is decoded as a boolean or a text', async () => {
    assert.equal(await read('true', flag), true)
    assert.equal(await read('false', flag), false)
    assert.equal(await read(`'é'::text`, row => row.text(0)), 'é')
    assert.equal(await read(`''::varchar`, row => row.text(0)), '')
    assert.equal(await read('null::text', row => row.text(0)), null)
  })

  it('is rejected if it is null and the reader does not accept null', async () => {
    await assert.rejects(read('null::int8', integer), /null/)
    await assert.rejects(read('null::boolean', flag), /null/)
    await assert.rejects(read('null::timestamptz', time), /null/)
  })

  it('is rejected if the reader expects another type', async () => {
    await assert.rejects(read('1::int4', flag), RangeError)
    await assert.rejects(read('true', integer), RangeError)
    await assert.rejects(read('1::int4', time), RangeError)
  })

  it('is decoded as JSON', async () => {
    const json = (row: DataRow) => JSON.parse(row.json(0))
    assert.deepEqual(await read(`'{"a": [1, null, "é"]}'::jsonb`, json), { a: [1, null, 'é'] })
    await assert.rejects(read('null::jsonb', json), RangeError)
    await assert.rejects(read(`'no'::text`, json), RangeError)
  })

  const unknown = [
    '1.5::float8',
    '1.5::float4',
    '1.5::numeric',
    `'2026-01-31'::date`,
    `'09:30'::time`,
    `now()::timestamp`,
    `'1 day'::interval`,
    `'{}'::json`,
    `array[1]`,
    `'\\x00'::bytea`,
    'gen_random_uuid()',
    '1::oid',
  ]
  for (const expression of unknown) {
    it(`is rejected if its type is unknown: ${expression}`, async () => {
      await assert.rejects(read(expression, integer), TypeError)
      const named = statement(`test_${unknown.indexOf(expression)}`, `select ${expression} as value`)
      await assert.rejects(db.read(named, [], integer), /column "value" is of a type/)
      await assert.rejects(db.read(named, [], integer), /column "value" is of a type/)
    })
  }

  it('is rejected in the result of a write, too', async () => {
    const half = write('test_half', 'select 0.5::float8 as half from (select $1::text) as owner')
    await assert.rejects(db.read(half, ['owner'], integer), /column "half" is of a type/)
  })
})

describe('the printer', () => {
  for (const number of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    it(`rejects ${number}`, () => assert.throws(() => printed(number), RangeError))
  }
})
