import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../postgres-server.ts'
import { dulyStart, type RunningServer } from '../program.ts'
import { rawCaller } from '../raw-call.ts'
import { newUser, ownDatabase, tokenOf, unlimited } from '../served.ts'
import { size } from '../size.ts'
import { startProxy } from './proxy.ts'

// Each of them once; npm run test:faults restarts more often.
const restarts = size(2, 100)
// Leaves CPU time to the starting servers.
const pauseMs = size(100, 0)
const clients = 8

it(`two replicas are restarted ${restarts} times under load, and no request fails`, async () => {
  const database = await ownDatabase()
  const replicas = await Promise.all(
    [await freePort(), await freePort()].map(async port => {
      const start = () =>
        dulyStart({ ...database.env, ...unlimited, PORT: String(port), SHUTDOWN_GRACE: '2' })
      return { start, running: await start() }
    }),
  )
  const proxy = await startProxy(replicas.map(({ running }) => running.url))
  const { call, close } = rawCaller(proxy.url, clients)
  const failures: string[] = []
  const served = new Set<string>()
  let stop = false
  const work = async (client: number) => {
    const user = newUser(`client-${client}`)
    const headers = { authorization: `Bearer ${tokenOf(user)}`, 'content-type': 'application/json' }
    const titles: string[] = []
    const ask = async (method: string, path: string, expected: number, body?: string) => {
      const answer = await call({ method, path, headers, ...(body ? { body } : {}) })
      served.add(answer.headers.get('x-replica') ?? '')
      if (answer.status !== expected) failures.push(`${method} ${path}: ${answer.status} ${answer.text}`)
      return answer.body
    }
    for (let n = 0; !stop; n += 1) {
      const title = `task ${n}`
      titles.push(title)
      const task = await ask('POST', '/api/v1/tasks', 201, JSON.stringify({ title }))
      await ask('GET', `/api/v1/tasks/${task?.id}`, 200)
      await ask('GET', '/api/v1/tasks?limit=1&sort=-created_at', 200)
      if (n % 2 === 1) {
        await ask('DELETE', `/api/v1/tasks/${task?.id}`, 204)
        titles.pop()
      }
      await pause(pauseMs)
    }
    if (failures.length > 0) return titles.length
    // Each acknowledged write was executed once.
    const stored: string[] = []
    for (let cursor = ''; ; ) {
      const page = await ask('GET', `/api/v1/tasks?limit=1000&sort=created_at${cursor}`, 200)
      stored.push(...page.tasks.map((task: { title: string }) => task.title))
      if (page.next_cursor === null) break
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`
    }
    assert.deepEqual(stored, titles)
    return titles.length
  }
  const working = Promise.all(Array.from({ length: clients }, (_, client) => work(client)))
  try {
    for (let n = 0; n < restarts && failures.length === 0; n += 1) {
      const replica = replicas[n % replicas.length]
      if (!replica) break
      await restart(replica)
      await proxy.allReady()
    }
  } finally {
    stop = true
  }
  const written = await working
  close()
  await proxy.close()
  for (const { running } of replicas) {
    running.child.kill('SIGINT')
    assert.equal((await running.ended).code, 0)
  }
  await database.drop()
  assert.deepEqual(failures, [])
  assert.ok(written.every(count => count > 0))
  assert.equal(served.size, 2, 'both replicas have responded')
})

async function restart(replica: { start(): Promise<RunningServer>; running: RunningServer }): Promise<void> {
  const { child, ended } = replica.running
  child.kill('SIGTERM')
  const { code, stdout } = await ended
  assert.equal(code, 0)
  assert.ok(!stdout.includes('are cut'), 'no request was cut')
  replica.running = await replica.start()
}
