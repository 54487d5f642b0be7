import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { codePoint } from '../../test/code-point.ts'
import { DataRow } from '../db/data-row.ts'
import { tasks as fields } from './fields.ts'
import { PrintedTasks, ready, type TaskForm } from './printed-tasks.ts'

interface Values {
  readonly id: number
  readonly title: string
  readonly description: string | null
  readonly isCompleted: boolean
  readonly created: number
  readonly updated: number
  readonly completed: number | null
  readonly metadata: Readonly<Record<string, string>> | null
  readonly revision: number
}

const form: TaskForm = {
  parts: [
    ['{"id":', 'id'],
    [',"owner":', 'user_id'],
    [',"title":', 'title'],
    [',"description":', 'description'],
    [',"done":', 'is_completed'],
    [',"completed":', 'completed_at'],
    [',"metadata":', 'metadata', '{}'],
    [',"short":', (row, from) => String(row.isNull(from + fields.placeOf('metadata')))],
    [',"created":', 'created_at'],
    [',"updated":', 'updated_at'],
    [',"revision":', 'revision'],
  ],
  end: '}',
  between: ',',
  noText: 'null',
  noValue: 'null',
  timeQuote: '"',
  escaped: character => JSON.stringify(character).slice(1, -1),
}

/** The row in PostgreSQL's binary format, preceded by other bytes. */
function rowOf(task: Values, before: string): DataRow {
  const big = (number: number) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(BigInt(number))
    return bytes
  }
  const values: Readonly<Record<string, Buffer | null>> = {
    id: big(task.id),
    title: Buffer.from(task.title),
    description: task.description === null ? null : Buffer.from(task.description),
    is_completed: Buffer.from([task.isCompleted ? 1 : 0]),
    completed_at: task.completed === null ? null : big(task.completed),
    // The version of the jsonb format comes first.
    metadata: task.metadata === null ? null : Buffer.from(`\u0001${JSON.stringify(task.metadata)}`),
    created_at: big(task.created),
    updated_at: big(task.updated),
    revision: big(task.revision),
  }
  const columns = [Buffer.from(before), ...fields.names.map(name => values[name] ?? null)]
  const parts = columns.flatMap(column => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(column?.length ?? -1)
    return column ? [length, column] : [length]
  })
  const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0, columns.length]), ...parts])
  const start = Buffer.byteLength(before)
  const row = new DataRow().point(bytes, start, bytes.length - start)
  row.locate()
  return row
}

/** Formats a time with Date, which has only milliseconds. */
function timeOf(microseconds: number): string {
  const milliseconds = Math.floor(microseconds / 1000)
  const text = new Date(Date.UTC(2000, 0) + milliseconds).toISOString().slice(0, -1)
  return `${text}${String(microseconds - milliseconds * 1000).padStart(3, '0')}Z`
}

const jsonOf = (task: Values, owner: string) =>
  JSON.stringify({
    id: task.id,
    owner,
    title: task.title,
    description: task.description,
    done: task.isCompleted,
    completed: task.completed === null ? null : timeOf(task.completed),
    metadata: task.metadata ?? {},
    short: task.metadata === null,
    created: timeOf(task.created),
    updated: timeOf(task.updated),
    revision: task.revision,
  })

// Well-formed Unicode, as stored texts are, with control characters, quotes and backslashes.
const text = fc.oneof(
  fc.string({ unit: codePoint, maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom(...('\0\b\t\n\f\r\x1f "\\/\x7f\u2028é中שׁ🐑'.match(/./gsu) ?? [])),
    maxLength: 60,
  }),
  fc.string({ unit: 'grapheme', minLength: 500, maxLength: 2000 }),
)
const time = fc.integer({ min: -(99 * 365.25 * 86_400e6), max: 285 * 365 * 86_400e6 })
const tasks = fc.array(
  fc.record({
    id: fc.nat(Number.MAX_SAFE_INTEGER),
    title: text,
    description: fc.option(text),
    isCompleted: fc.boolean(),
    created: time,
    updated: time,
    completed: fc.option(time),
    metadata: fc.option(fc.dictionary(fc.constantFrom('a', 'é'), text, { noNullPrototype: true })),
    revision: fc.nat(2 ** 31),
  }),
  { maxLength: 12 },
)

describe('a printed list', () => {
  it('is identical to the output of JSON.stringify for all tasks', () => {
    const inList = ready(form)
    fc.assert(
      fc.property(tasks, text, fc.nat(20), (list, owner, count) => {
        const printed = new PrintedTasks(inList, JSON.stringify(owner), '[')
        printed.expect(count)
        for (const [n, task] of list.entries()) {
          // An unchanged task, as most are.
          const same = n % 2 ? task : { ...task, updated: task.created }
          printed.add(rowOf(same, owner), 1)
        }
        const expected = list.map((task, n) =>
          jsonOf(n % 2 ? task : { ...task, updated: task.created }, owner),
        )
        assert.equal(printed.take(']').toString(), `[${expected.join(',')}]`)
        assert.equal(printed.count, list.length)
      }),
    )
  })

  it('can be taken in parts', () => {
    const inList = ready(form)
    fc.assert(
      fc.property(tasks, fc.nat(3), (list, every) => {
        const printed = new PrintedTasks(inList, '7', '[')
        const pieces: Buffer[] = []
        for (const [n, task] of list.entries()) {
          printed.add(rowOf(task, ''), 1)
          if (n % (every + 1) === 0) pieces.push(printed.take())
        }
        pieces.push(printed.take(']'))
        assert.deepEqual(
          JSON.parse(Buffer.concat(pieces).toString()),
          list.map(task => ({ ...JSON.parse(jsonOf(task, '')), owner: 7 })),
        )
      }),
    )
  })

  const plain = {
    id: 1,
    title: '',
    description: null,
    isCompleted: false,
    created: 0,
    updated: 0,
    completed: null,
    metadata: null,
    revision: 1,
  }

  it('allocates memory for the number of tasks that is expected', () => {
    const printOf = (count: number, first: string) => {
      const printed = new PrintedTasks(ready(form), '7', '[')
      printed.expect(count)
      printed.add(rowOf({ ...plain, title: first }, ''), 1)
      for (let n = 1; n < count; n += 1) printed.add(rowOf({ ...plain, title: 'as long' }, ''), 1)
      return printed.take(']')
    }
    const list = printOf(1000, 'as long')
    assert.ok(list.buffer.byteLength < 1.2 * list.length)
    // One long title does not multiply the memory for all tasks.
    assert.ok(printOf(1000, 'x'.repeat(30_000)).buffer.byteLength < 1024 * 1024)
    assert.ok(printOf(-1, 'x').buffer.byteLength < 8 * 1024)
  })

  it('prints all dates', () => {
    const inList = ready({ ...form, parts: [['', 'created_at']], end: '', timeQuote: '' })
    const printed = new PrintedTasks(inList, '', '')
    const days = Array.from({ length: 20_000 }, (_, n) => (n * 7 - 36_000) * 86_400e6 + 86_399_999_999)
    for (const created of days) printed.add(rowOf({ ...plain, created }, ''), 1)
    assert.equal(printed.take().toString(), days.map(timeOf).join(','))
  })
})
