import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { declared } from '../front-ends/declared.ts'
import type { NewClient } from './client.ts'

/** Values of the extra fields: sent, and returned if that differs. */
const accepted: Readonly<Record<string, readonly (readonly [sent: unknown, returned?: unknown])[]>> = {
  priority: [
    ...['low', 'Medium', 'NORMAL', 'high', 'Urgent', 'CRITICAL', 'P1', 'x'.repeat(50), 'sehr hoch, ü'].map(
      word => [word] as const,
    ),
    ...['none', '', null].map(nothing => [nothing, null] as const),
  ],
  due_date: [
    ...['2026-12-01', '2028-02-29', '2026-12-01T09:30', '2026-12-01T09:30:15', '2026-12-01T09:30:15.250'],
    ...['2026-12-01T09:30Z', '2026-12-01T09:30:15Z', '2026-12-01T09:30:15.250Z'],
  ]
    .map(date => [date] as readonly [unknown, unknown?])
    .concat([
      ['', null],
      [null, null],
    ]),
  tags: [
    [['home', 'garden']],
    ['home, garden', ['home', 'garden']],
    ['home', ['home']],
    [
      [{ name: 'home' }, { name: 'garden' }],
      ['home', 'garden'],
    ],
    [
      ['home, garden', 'home'],
      ['home', 'garden'],
    ],
    [[]],
    ['', []],
  ],
  category: [['Home'], ['x'.repeat(50)], ['🐑'.repeat(50)], ['', null], [null, null]],
}

const refused: Readonly<Record<string, readonly unknown[]>> = {
  priority: [5, true, {}, ['high'], 'x'.repeat(51), 'a\0'],
  due_date: [
    ...[5, true, {}, [], 'tomorrow', '01/12/2026', '2026-13-01', '2026-02-30', '2026-12-01T25:00'],
    ...['2026-12-01T09', '2026-12-01T09:30+25:00', '2026-1-1', '2026-12-01T09:30 Europe/Berlin'],
  ],
  tags: [5, true, {}, [1], [['home']], [{ name: 1 }], [{}], ['a\0']],
  category: [5, true, {}, ['home'], 'x'.repeat(51), 'a\0'],
  status: [5, true, {}, ['done'], 'x'.repeat(51), 'a\0'],
}

export function testExtraFields(name: string, newClient: NewClient): void {
  const { flag } = declared(name)

  describe(`${name}: extra fields`, () => {
    it('are returned as they were sent, by a creation and by a change', async () => {
      const client = newClient()
      let task = await client.create()
      for (const [field, values] of Object.entries(accepted)) {
        for (const [sent, returned = sent] of values) {
          const created = await client.create(
            { title: 'a', [field]: sent },
            { title: 'a', [field]: returned },
          )
          await client.edit(created, { [field]: sent }, {})
          for (const method of client.methods)
            task = await client.change(task, method, '', { [field]: sent }, { [field]: returned })
        }
      }
    })

    it('with an offset are returned in UTC, and equal the returned value', async () => {
      const client = newClient()
      for (const sent of [
        '2026-12-01T09:30+02:00',
        '2026-12-01T09:30:00-05:30',
        '2026-12-01T23:59:59.5+01:00',
      ]) {
        const { status, body } = await client.send('POST', client.collection, { title: 'a', due_date: sent })
        assert.deepEqual([status, Date.parse(body.due_date)], [201, Date.parse(sent)])
        assert.match(body.due_date, /T.*Z$/)
        await client.edit(body, { due_date: body.due_date })
        await client.edit(body, { due_date: sent }, { due_date: body.due_date })
      }
    })

    it('of a wrong type or format are rejected, and change nothing', async () => {
      const client = newClient()
      const task = await client.create({
        title: 'a',
        priority: 'HIGH',
        due_date: '2026-12-01',
        category: 'Home',
      })
      for (const [field, values] of Object.entries(refused)) {
        for (const value of values) {
          const answer = await client.send('POST', client.collection, { title: 'a', [field]: value })
          client.refused(answer, 'broken', `${field} ${JSON.stringify(value)}`)
          for (const method of client.methods)
            await client.refuses(task, method, '', { title: 'b', [field]: value })
        }
      }
      assert.deepEqual(await client.list(), [task])
    })

    it('are not changed by a PUT without them', async () => {
      const client = newClient()
      const extra = {
        priority: 'Urgent',
        due_date: '2026-12-01T09:30',
        tags: ['a'],
        category: 'b',
        status: 'TO_DO',
      }
      const task = await client.create({ title: 'a', ...extra })
      await client.change(task, 'PUT', '', { title: 'b', [flag]: false }, { title: 'b' })
    })

    it('are kept, with all other fields, if the whole task is sent back', async () => {
      const client = newClient()
      const words = { priority: 'URGENT', due_date: '2026-12-01T09:30', category: 'Home' }
      for (const extra of [
        {},
        words,
        { status: 'IN_PROGRESS' },
        { ...words, status: 'Done', tags: ['a', 'b'] },
      ]) {
        const done = 'status' in extra && extra.status === 'Done'
        const task = await client.create({ title: 'a', ...extra }, { title: 'a', [flag]: done, ...extra })
        for (const method of ['PUT', ...client.methods]) {
          await client.change(task, method, '', task, {})
          await client.change(task, method, '', { ...task, colour: 'red' }, {})
        }
      }
    })

    it('are kept by a whole task with another flag', async () => {
      const client = newClient()
      const task = await client.create({ title: 'a', priority: 'HIGH', tags: ['a'] })
      // The word in status is the one that was read, and the flag is the changed one.
      const done = await client.change(task, 'PUT', '', { ...task, [flag]: true }, { done: true })
      await client.change(done, 'PUT', '', { ...done, [flag]: false }, { done: false })
    })
  })
}
