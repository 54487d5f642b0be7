import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { declared } from '../front-ends/declared.ts'
import type { NewClient, Task } from './client.ts'

const flags = ['completed', 'complete', 'is_completed']
const doneWords = ['completed', 'Complete', 'DONE', 'finished', 'closed', 'Com-plet_ed', 'clo sed']
const openWords = ['pending', 'TO_DO', 'In Progress', 'in-progress', 'not done', 'x'.repeat(50)]
const notFlags = ['yes', 1, {}, []]

export function testDoneFlag(name: string, newClient: NewClient): void {
  const contract = declared(name)
  const { flag } = contract

  describe(`${name}: the done flag`, () => {
    it('is accepted under each of its names, and rejected if it is not a boolean', async () => {
      const client = newClient()
      for (const alias of flags) {
        let task = await client.create({ title: 'a', [alias]: true }, { title: 'a', [flag]: true })
        for (const method of client.methods) {
          for (const done of [false, true])
            task = await client.change(task, method, '', { [alias]: done }, { done })
          for (const value of notFlags) await client.refuses(task, method, '', { [alias]: value })
        }
        await client.reads(task)
      }
    })

    it('follows a word in status, which is returned as it was sent', async () => {
      const client = newClient()
      let task = await client.create()
      for (const [done, words] of [
        [true, doneWords],
        [false, openWords],
      ] as const) {
        for (const status of words) {
          for (const method of client.methods)
            task = await client.change(task, method, '', { status }, { done, status })
          await client.create({ title: 'a', status }, { title: 'a', [flag]: done, status })
        }
      }
      for (const status of ['', null]) {
        const named = await client.edit(task, { status: 'Later' }, { status: 'Later' })
        await client.edit(named, { status }, { status: 'pending' })
      }
    })

    it('is taken from the contract’s own name if several are sent', async () => {
      const client = newClient()
      const others = flags.filter(alias => alias !== flag)
      const opposite = Object.fromEntries(others.map(alias => [alias, false]))
      const task = await client.create(
        { title: 'a', ...opposite, [flag]: true },
        { title: 'a', [flag]: true },
      )
      const changed = await client.edit(
        task,
        { [flag]: false, completed: true, [flag]: false },
        { done: false },
      )
      await client.edit(changed, { status: 'pending', [flag]: true }, { done: true })
    })

    it('replaces a word in status if it is set under another name', async () => {
      const client = newClient()
      const set = (task: Task, done: boolean, status: string) =>
        client.edit(task, { [flag]: done }, { done, status })
      const capitals = await client.create({ title: 'a', status: 'TO_DO' })
      await set(await set(capitals, true, 'DONE'), false, 'TO_DO')
      const other = await client.create({ title: 'a', status: 'In progress' })
      await set(await set(other, true, 'completed'), false, 'pending')
    })
  })

  if (contract.toggle) {
    describe(`${name}: toggles`, () => {
      it('toggle without a body, and set the value of a body under any name', async () => {
        const client = newClient()
        let task = await client.create()
        for (const rest of ['/complete', '/toggle']) {
          for (const body of [undefined, {}]) {
            for (const done of [true, false]) task = await client.change(task, 'PATCH', rest, body, { done })
          }
          for (const alias of flags) {
            for (const done of [true, true, false, false])
              task = await client.change(task, 'PATCH', rest, { [alias]: done }, { done })
            await client.refuses(task, 'PATCH', rest, { [alias]: 'yes' })
          }
          task = await client.change(task, 'PATCH', rest, { status: 'done' }, { done: true, status: 'done' })
          task = await client.change(task, 'PATCH', rest, { completed: false }, { done: false })
        }
      })

      it('set with POST, DELETE and /status', async () => {
        const client = newClient()
        let task = await client.create()
        for (const [method, done] of [
          ['POST', true],
          ['POST', true],
          ['DELETE', false],
          ['DELETE', false],
        ] as const)
          task = await client.change(task, method, '/complete', undefined, { done })
        for (const [status, done] of [
          ['DONE', true],
          ['in_progress', false],
        ] as const)
          task = await client.change(task, 'PATCH', '/status', { status }, { done, status })
        await client.refuses(task, 'PATCH', '/status', { status: 5 })
        for (const [method, rest] of [
          ['PATCH', 'complete'],
          ['POST', 'complete'],
          ['DELETE', 'complete'],
          ['PATCH', 'toggle'],
          ['PATCH', 'status'],
        ] as const) {
          const json = rest === 'status' ? { status: 'done' } : undefined
          const path = client.at(Number.MAX_SAFE_INTEGER, `/${rest}`)
          client.refused(await client.send(method, path, json), 'missing', path)
        }
      })

      it('that run concurrently are all executed', async () => {
        const client = newClient()
        const { id } = await client.create()
        const toggle = () => client.send('PATCH', client.at(id, '/complete'))
        const answers = await Promise.all(Array.from({ length: 15 }, toggle))
        assert.equal(answers.filter(({ body }) => body[flag]).length, 8)
        assert.equal((await client.send('GET', client.at(id))).body[flag], true)
      })
    })
  }
}
