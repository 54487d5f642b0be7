import assert from 'node:assert/strict'
import { it } from 'node:test'
import { dulyStart } from './program.ts'
import { callAt, newUser, ownDatabase, unlimited } from './served.ts'

const rounds = 10
const writers = 8

it('kill -9 in the middle of acknowledged writes, ten times, loses nothing and doubles nothing', async () => {
  const database = await ownDatabase()
  const user = newUser()
  const acknowledged = new Set<string>()
  const sent = new Set<string>()
  for (let round = 0; round < rounds; round += 1) {
    const { child, ended, url } = await dulyStart({ ...database.env, ...unlimited })
    const enough = acknowledged.size + 50
    const write = async (writer: number) => {
      for (let n = 0; ; n += 1) {
        const title = `round ${round} writer ${writer} task ${n}`
        sent.add(title)
        const answer = await callAt(url, 'POST', '/api/tasks', { user, json: { title } }).catch(
          () => undefined,
        )
        if (answer?.status !== 201) return
        acknowledged.add(title)
        if (acknowledged.size === enough) child.kill('SIGKILL')
      }
    }
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
    assert.equal((await ended).signal, 'SIGKILL')
  }

  const { child, ended, url } = await dulyStart({ ...database.env, ...unlimited })
  const stored: string[] = []
  for (let more = true; more; ) {
    const { body } = await callAt(url, 'GET', `/api/tasks?limit=1000&offset=${stored.length}`, { user })
    stored.push(...body.tasks.map((task: { title: string }) => task.title))
    more = body.has_more
  }
  child.kill('SIGTERM')
  assert.equal((await ended).code, 0)
  await database.drop()

  assert.ok(acknowledged.size >= rounds * 50)
  assert.equal(new Set(stored).size, stored.length, 'nothing is stored twice')
  assert.deepEqual(
    [...acknowledged].filter(title => !stored.includes(title)),
    [],
    'nothing acknowledged is lost',
  )
  assert.deepEqual(
    stored.filter(title => !sent.has(title)),
    [],
    'nothing is there that was never sent',
  )
})
