import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { type Database, unprepared } from '../server/db/database.ts'
import { daysBetween, daysFromToday, passedAt } from '../server/tasks/days.ts'
import type { Task } from '../server/tasks/fields.ts'
import { type ListQuery, type Position, type SortOrder, sortOrders } from '../server/tasks/list-query.ts'
import { sortKeyOf, type When, zoned } from '../server/tasks/when.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'
import { long, seed, size } from './size.ts'

// Random tasks, and random combinations of filters, order and page size, compared with a model
// without indexes, pages and cursors.

const { db, close } = await ownMigratedDatabase()
after(close)

/** Zones, each with a time at which its clocks change. */
const changes: readonly (readonly [zone: string, change: string])[] = [
  ['Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['Europe/Berlin', '2026-03-29T01:00:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
  ['Australia/Adelaide', '2026-10-03T16:30:00Z'],
  ['Pacific/Auckland', '2026-09-26T14:00:00Z'],
  ['Asia/Kathmandu', '2026-05-01T18:15:00Z'],
  ['Pacific/Honolulu', '2026-05-01T10:00:00Z'],
]

type Change = (typeof changes)[number]

interface Days {
  readonly from: string
  readonly to: string
}

/** A query, in the terms of the model. */
interface Asked {
  readonly sort: SortOrder
  readonly limit: number
  readonly is_completed?: boolean
  readonly priorities?: readonly (string | null)[]
  readonly tags?: readonly string[]
  readonly search?: string
  /** The number of a list. */
  readonly list?: number | null
  readonly hidesArchived?: boolean
  readonly parent?: number | null
  readonly due?: 'overdue' | 'today' | 'next_7_days' | 'none' | 'any'
  readonly dueDays?: Days
  readonly startDays?: Days
  readonly deadlineDays?: Days
  readonly completed?: readonly [from: string, to: string]
}

const sometimes = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 4 }, { arbitrary, weight: 1 })
const often = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 1 }, { arbitrary, weight: 2 })

const change = fc.constantFrom(...changes)
/** Mostly close to the clock change. */
const minutes = fc.oneof(
  fc.integer({ min: -40, max: 40 }).map(n => 5 * n),
  fc.integer({ min: -5000, max: 5000 }),
)

const when = (changing: Change): fc.Arbitrary<When> =>
  fc
    .record({
      minutes,
      kind: fc.constantFrom('date', 'floating', 'zoned'),
      zone: fc.oneof(
        fc.constant(changing[0]),
        change.map(([zone]) => zone),
      ),
    })
    .map(({ minutes, kind, zone }) => {
      const wall = wallAt(changing).add({ minutes })
      const date = wall.toPlainDate().toString()
      const time = wall.toPlainTime().toString().slice(0, 5)
      return kind === 'date' ? { date } : kind === 'floating' ? { date, time } : zoned(date, time, zone)
    })

const wallAt = ([zone, at]: Change) => Temporal.Instant.from(at).toZonedDateTimeISO(zone).toPlainDateTime()
const dayAt = (changing: Change) =>
  fc.integer({ min: -4, max: 4 }).map(days => wallAt(changing).toPlainDate().add({ days }).toString())
const days = (changing: Change) => fc.record({ from: dayAt(changing), to: dayAt(changing) })
const time = fc
  .integer({ min: 0, max: 3000 })
  .map(n => new Date(Date.UTC(2026, 0) + n * 60_000).toISOString())
const tag = fc.constantFrom('Home', 'home', 'Straße', 'urgent')

const task = (changing: Change) =>
  fc.record({
    title: fc.constantFrom('Fern', 'fern 2', 'Öl', 'oak', '\u{1f411}'),
    description: sometimes(fc.constantFrom('a fern', 'water')),
    completed_at: sometimes(time),
    priority: often(fc.constantFrom('low', 'medium', 'high')),
    tags: sometimes(fc.uniqueArray(tag, { maxLength: 3, selector: text => text.toLowerCase() })),
    due: often(when(changing)),
    start: sometimes(when(changing)),
    deadline: sometimes(dayAt(changing)),
    list: sometimes(fc.integer({ min: 0, max: 2 })),
    parent: sometimes(fc.integer({ min: 1, max: 2 })),
    position: fc.constantFrom('a0', 'a1', 'Zz', 'a1V', 'b00'),
    created_at: time,
    updated_at: time,
  })

const asked = (changing: Change): fc.Arbitrary<Asked> =>
  fc.record({
    sort: fc.constantFrom(...sortOrders),
    limit: fc.integer({ min: 1, max: 12 }),
    is_completed: often(fc.boolean()),
    priorities: sometimes(fc.subarray(['low', 'medium', 'high', null], { minLength: 1 })),
    tags: sometimes(fc.subarray(['home', 'strasse'], { minLength: 1 })),
    search: sometimes(fc.constantFrom('fern', 'WATER', 'ol', 'nowhere')),
    list: sometimes(fc.constantFrom(null, 0, 1, 2, 3)),
    hidesArchived: fc.boolean(),
    parent: sometimes(fc.constantFrom(null, 1, 2, 3)),
    due: sometimes(fc.constantFrom('overdue', 'today', 'next_7_days', 'none', 'any')),
    dueDays: sometimes(days(changing)),
    startDays: sometimes(days(changing)),
    deadlineDays: sometimes(days(changing)),
    completed: sometimes(fc.tuple(time, time)),
  }) as fc.Arbitrary<Asked>

const scenario = change.chain(changing =>
  fc.record({
    changing: fc.constant(changing),
    now: minutes,
    tasks: fc.array(task(changing), { minLength: 0, maxLength: 60 }),
    queries: fc.array(asked(changing), { minLength: 1, maxLength: 6 }),
    // Whether the tasks are read in steps, as for an owner with many tasks.
    isLarge: fc.boolean(),
    writes: fc.boolean(),
  }),
)
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

const keys: Readonly<Record<string, (task: Task) => string | null>> = {
  created_at: task => task.created_at,
  updated_at: task => task.updated_at,
  completed_at: task => task.completed_at,
  title: task => task.title.toLowerCase().replace('ö', 'o'),
  deadline: task => task.deadline,
  due: ({ due }) => due && sortKeyOf(due),
  priority: ({ priority }) => priority && String(['low', 'medium', 'high'].indexOf(priority)),
  position: task => task.position,
}

/** Tasks without a value come last in both directions, then by id. */
function inOrder(tasks: readonly Task[], sort: SortOrder): Task[] {
  const [down, name] = sort.startsWith('-') ? [-1, sort.slice(1)] : [1, sort]
  const key = keys[name] as (task: Task) => string | null
  return [...tasks].sort((a, b) => {
    const [x, y] = [key(a), key(b)]
    if ((x === null) !== (y === null)) return x === null ? 1 : -1
    return down * (x === y ? a.id - b.id : Buffer.compare(Buffer.from(x ?? ''), Buffer.from(y ?? '')))
  })
}

interface Surroundings {
  readonly now: Temporal.Instant
  readonly zone: string
  /** Ids of the lists; the last one is archived, and there is none with the number 3. */
  readonly lists: readonly number[]
}

const listId = ({ lists }: Surroundings, list: number | null | undefined) =>
  list === null || list === undefined ? list : (lists[list] ?? 2 ** 40)

/** Whether the list contains a task. */
function matches(task: Task, asked: Asked, around: Surroundings): boolean {
  const { now, zone, lists } = around
  const list = listId(around, asked.list)
  const text = `${task.title}\n${task.description ?? ''}`.toLowerCase().replace('ö', 'o')
  const today = dayOf(now, zone)
  const within = (day: string | undefined, { from, to }: Days) =>
    day !== undefined && from <= day && day <= to
  const dayIn = (value: When | null) =>
    value === null ? undefined : value.at ? dayOf(Temporal.Instant.from(value.at), zone) : value.date
  const due = dayIn(task.due)
  const conditions = [
    asked.is_completed === undefined || task.is_completed === asked.is_completed,
    asked.priorities === undefined || asked.priorities.includes(task.priority),
    (asked.tags ?? []).every(tag => task.tags.some(own => own.toLowerCase().replace('ß', 'ss') === tag)),
    asked.search === undefined || text.includes(asked.search.toLowerCase()),
    list === undefined || task.list_id === list,
    !asked.hidesArchived || list !== undefined || task.list_id !== lists[2],
    asked.parent === undefined || task.parent_id === asked.parent,
    asked.due !== 'none' || task.due === null,
    asked.due !== 'any' || task.due !== null,
    asked.due !== 'today' || within(due, { from: today, to: today }),
    asked.due !== 'next_7_days' || within(due, { from: today, to: plus(today, 6) }),
    asked.due !== 'overdue' || (!task.is_completed && hasPassed(task.due, around)),
    asked.dueDays === undefined || within(due, asked.dueDays),
    asked.startDays === undefined || within(dayIn(task.start), asked.startDays),
    asked.deadlineDays === undefined || within(task.deadline ?? undefined, asked.deadlineDays),
    asked.completed === undefined ||
      (task.completed_at !== null &&
        new Date(task.completed_at) >= new Date(asked.completed[0]) &&
        new Date(task.completed_at) < new Date(asked.completed[1])),
  ]
  return conditions.every(Boolean)
}

const dayOf = (at: Temporal.Instant, zone: string) => at.toZonedDateTimeISO(zone).toPlainDate().toString()
const plus = (day: string, days: number) => Temporal.PlainDate.from(day).add({ days }).toString()

function hasPassed(due: When | null, { now, zone }: Surroundings): boolean {
  if (due === null) return false
  if (due.time === undefined) return dayOf(now, zone) > due.date
  const instant =
    due.at === undefined
      ? Temporal.PlainDateTime.from(`${due.date}T${due.time}`).toZonedDateTime(zone).toInstant()
      : Temporal.Instant.from(due.at)
  return Temporal.Instant.compare(instant, now) < 0
}

/** The query as the server builds it. */
function queryOf(asked: Asked, around: Surroundings): ListQuery {
  const clock = { now: around.now.toString(), zone: around.zone }
  const periods = [
    ...(asked.due === 'today' ? [daysFromToday(clock, 1)] : []),
    ...(asked.due === 'next_7_days' ? [daysFromToday(clock, 7)] : []),
    ...(asked.dueDays ? [daysBetween(asked.dueDays.from, asked.dueDays.to, clock.zone)] : []),
  ]
  const list = listId(around, asked.list)
  return {
    sort: asked.sort,
    limit: asked.limit,
    filters: {
      ...(asked.is_completed === undefined ? {} : { is_completed: asked.is_completed }),
      ...(asked.priorities === undefined ? {} : { priority: asked.priorities }),
    },
    ...(asked.tags ? { tags: asked.tags } : {}),
    ...(asked.search ? { search: asked.search } : {}),
    ...(list === undefined ? (asked.hidesArchived ? { hidesArchived: true as const } : {}) : { list }),
    ...(asked.parent === undefined ? {} : { parent: asked.parent }),
    ...(asked.due === 'none' || asked.due === 'any' ? { hasDue: asked.due === 'any' } : {}),
    ...(asked.due === 'overdue' ? { overdue: passedAt(clock) } : {}),
    ...(periods.length > 0 ? { dueIn: periods } : {}),
    ...(asked.startDays
      ? { startIn: [daysBetween(asked.startDays.from, asked.startDays.to, clock.zone)] }
      : {}),
    ...(asked.deadlineDays ? { deadlineIn: [asked.deadlineDays.from, asked.deadlineDays.to] as const } : {}),
    ...(asked.completed ? { completedIn: asked.completed } : {}),
  }
}

/** @returns the ids of three lists, of which the last one is archived */
async function fill(db: Database, user: string, { tasks, isLarge }: Scenario): Promise<number[]> {
  const owner = 'insert into duly.owners (id, revision, task_count, live_bytes) values ($1, 1, $2, $3)'
  await db.query(unprepared(owner), [user, tasks.length, isLarge ? 2 ** 30 : 0])
  const lists = await db.query(
    unprepared(`insert into duly.lists (user_id, name, position, is_archived, created_at, updated_at, revision)
      select $1, 'list', 'a0', n = 3, now(), now(), 1 from generate_series(1, 3) as n returning id`),
    [user],
  )
  const ids = lists.map(([id]) => Number(id)).sort((a, b) => a - b)
  await db.query(unprepared(`update duly.lists set is_archived = id = $2::bigint where user_id = $1`), [
    user,
    ids[2] as number,
  ])
  const rows = tasks.map(task => ({
    ...task,
    title_key: task.title.toLowerCase().replace('ö', 'o'),
    description_key: task.description,
    is_completed: task.completed_at !== undefined,
    tag_keys: task.tags?.map(tag => tag.toLowerCase().replace('ß', 'ss')),
    due_key: task.due && sortKeyOf(task.due),
    due_at: task.due?.at,
    start_key: task.start && sortKeyOf(task.start),
    start_at: task.start?.at,
    list_id: task.list === undefined ? undefined : ids[task.list],
    parent_id: task.parent,
    revision: 1,
  }))
  const columns = Object.keys(types).join()
  const typed = Object.entries(types)
    .map(entry => entry.join(' '))
    .join()
  await db.query(
    unprepared(`insert into duly.tasks (user_id, ${columns})
      select $1, ${columns} from jsonb_to_recordset($2::jsonb) as rows (${typed})`),
    [user, JSON.stringify(rows)],
  )
  return ids
}

const types = {
  ...{ title: 'text', title_key: 'text', description: 'text', description_key: 'text' },
  ...{ is_completed: 'boolean', completed_at: 'timestamptz', priority: 'text', position: 'text' },
  ...{ tags: 'jsonb', tag_keys: 'text[]', due: 'jsonb', due_key: 'text', due_at: 'timestamptz' },
  ...{ start: 'jsonb', start_key: 'text', start_at: 'timestamptz', deadline: 'text' },
  ...{ list_id: 'bigint', parent_id: 'bigint', revision: 'bigint' },
  ...{ created_at: 'timestamptz', updated_at: 'timestamptz' },
}

/** All pages; calls `between` after each. */
async function pages(user: string, query: ListQuery, between: () => Promise<unknown>): Promise<Task[]> {
  const found: Task[] = []
  let after: Position | null = null
  do {
    const page = await ownTasks(db, user).list(after ? { ...query, after } : query)
    assert.ok(page.tasks.length <= query.limit)
    assert.ok(page.next === null || page.tasks.length === query.limit)
    found.push(...page.tasks)
    after = page.next
    await between()
  } while (after)
  return found
}

async function check(scenario: Scenario): Promise<void> {
  const user = newUser()
  const [zone, at] = scenario.changing
  const lists = await fill(db, user, scenario)
  const around = { zone, lists, now: Temporal.Instant.from(at).add({ minutes: scenario.now }) }
  const own = ownTasks(db, user)
  const all = await own.all()
  // Other tasks are created, changed and deleted.
  const restless = scenario.writes ? all.filter((_, n) => n % 4 === 0) : []
  for (const asked of scenario.queries) {
    const ids = new Set(restless.map(({ id }) => id))
    const staying = all.filter(({ id }) => !ids.has(id))
    let writes = 0
    const write = async () => {
      if (!scenario.writes || writes >= 6) return
      writes += 1
      const task = restless[writes % restless.length]
      const { id } = await own.create({ title: `fern ${writes}`, is_completed: false })
      if (writes % 2 === 0) await own.remove(id)
      if (task) await own.update(task.id, { title: `oak ${writes}`, priority: 'low', due: null })
    }
    const seen = await pages(user, queryOf(asked, around), write)
    // A task that moves ahead of the pages is returned again.
    const still = seen.filter(({ id }) => !ids.has(id))
    assert.equal(new Set(still.map(({ id }) => id)).size, still.length, 'a task is returned twice')
    const known = new Set(staying.map(({ id }) => id))
    const expected = inOrder(
      staying.filter(task => matches(task, asked, around)),
      asked.sort,
    )
    assert.deepEqual(
      seen.filter(({ id }) => known.has(id)),
      expected,
      JSON.stringify(asked),
    )
    if (!scenario.writes) assert.equal(seen.length, expected.length)
  }
}

describe('a list with any filters, in any order, in pages of any size', () => {
  it('equals the list of a simple model, while others write', async test => {
    test.diagnostic(`seed ${seed}; set TEST_SEED to repeat it`)
    await fc.assert(fc.asyncProperty(scenario, check), {
      seed,
      numRuns: size(30, 2000),
      endOnFailure: !long,
    })
  })
})
