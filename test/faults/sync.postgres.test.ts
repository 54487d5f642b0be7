import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Copy } from '../copy.ts'
import { type EventSource, openEvents } from '../event-source.ts'
import { type Answer, type Call, callAt, newUser, ownDatabase } from '../served.ts'
import { size } from '../size.ts'
import { Servers } from './servers.ts'

// Clients that follow the changes of users, while others write and servers are killed.

const operations = size(400, 50_000)
const writersOfEach = size(4, 5)
const users = Array.from({ length: size(2, 4) }, () => newUser('followed'))
const replicas = size(2, 3)

/** Sends a request to any server until one responds. A write may then be executed twice. */
class Client {
  readonly #servers: Servers

  constructor(servers: Servers) {
    this.#servers = servers
  }

  get url(): string {
    const urls = this.#servers.urls()
    return urls[Math.floor(Math.random() * urls.length)] ?? 'http://127.0.0.1:1'
  }

  async call(method: string, path: string, call: Call): Promise<Answer> {
    for (;;) {
      const answer = await callAt(this.url, method, path, call).catch(() => undefined)
      if (answer && ![429, 503].includes(answer.status)) return answer
      await pause(20)
    }
  }
}

const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(Math.random() * from.length)]

/** Changes a random task, or several. Others may have deleted it. */
async function operate(client: Client, user: string, known: number[], lists: number[]): Promise<void> {
  const send = async (method: string, path: string, json?: object) => {
    const answer = await client.call(method, `/api/v1${path}`, { user, ...(json ? { json } : {}) })
    assert.ok(answer.status < 500, answer.text)
    return answer
  }
  const id = pick(known)
  const list = pick([...lists, null])
  const task = { title: `task ${Math.random()}`, ...(list ? { list_id: list } : {}) }
  const roll = Math.random()
  if (id === undefined || roll < 0.3) {
    const { status, body } = await send('POST', '/tasks', task)
    if (status === 201) known.push(body.id)
  } else if (roll < 0.5) await send('PATCH', `/tasks/${id}`, { title: task.title })
  else if (roll < 0.65) await send('PATCH', `/tasks/${id}`, { is_completed: Math.random() < 0.5 })
  else if (roll < 0.72) await send('DELETE', `/tasks/${id}`)
  else if (roll < 0.78) await send('POST', `/tasks/${id}/restore`)
  else if (roll < 0.84) await send('POST', `/tasks/${id}/move`, { parent_id: pick(known) ?? null })
  else if (roll < 0.88) {
    const { status, body } = await send('POST', '/lists', { name: task.title })
    if (status === 201) lists.push(body.id)
  } else if (roll < 0.9 && lists.length > 3) await send('DELETE', `/lists/${pick(lists)}`)
  else if (roll < 0.91) await send('DELETE', '/trash')
  else if (roll < 0.92) await send('PATCH', '/settings', { language: pick(['de', 'en', 'fr']) })
  else if (roll < 0.96) {
    const operation = { op: 'create', task }
    await send('POST', '/batch', { operations: Array.from({ length: 5 }, () => operation) })
  } else {
    const { headers } = await send('PATCH', `/tasks/${id}`, { title: task.title })
    const change = headers.get('duly-change')
    if (change !== null) await send('POST', '/undo', { change })
  }
}

/** Follows the events of a user, and reconnects until it is stopped. */
class Listener {
  readonly ids: string[] = []
  readonly start: string
  #last: string
  #stream: EventSource | undefined
  #isStopping = false
  readonly #following: Promise<void>

  constructor(client: Client, user: string, start: string) {
    this.start = start
    this.#last = start
    this.#following = this.#follow(client, user)
  }

  async #follow(client: Client, user: string): Promise<void> {
    while (!this.#isStopping) {
      const headers = { 'last-event-id': this.#last }
      const stream = await openEvents(client.url, { user, headers }).catch(() => undefined)
      this.#stream = stream
      if (stream?.status === 200) {
        if (this.#isStopping) stream.close()
        await stream.ended
        this.ids.push(...stream.events.map(({ id }) => id))
        assert.deepEqual(new Set(stream.events.map(({ event }) => event)).has('reset'), false)
        this.#last = stream.lastId()
      } else await pause(20)
    }
  }

  /** Closes the connection; it reconnects unless it is stopped. */
  break(): void {
    this.#stream?.close()
  }

  /** How many events were received. */
  get count(): number {
    return this.ids.length + (this.#stream?.events.length ?? 0)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#stream?.close()
    await this.#following
  }
}

it('copies made only of changes equal the server, and events arrive once each, while servers are killed', async test => {
  const database = await ownDatabase()
  const servers = new Servers(database.env)
  test.after(async () => {
    await servers.killAll()
    await database.drop()
  })
  for (let n = 0; n < replicas; n += 1) await servers.start()
  const client = new Client(servers)
  const get = (user: string, path: string) => client.call('GET', path, { user })
  const copies = users.flatMap(user => [0, 1].map(() => ({ user, copy: new Copy(path => get(user, path)) })))
  for (const { copy } of copies) await copy.sync()
  const listeners = copies.map(({ user, copy }) => ({
    user,
    copy,
    listener: new Listener(client, user, copy.next),
  }))

  let done = 0
  let isOver = false
  const writing = users.flatMap(user => {
    const [known, lists]: [number[], number[]] = [[], []]
    return Array.from({ length: writersOfEach }, async () => {
      for (; done < operations; done += 1) await operate(client, user, known, lists)
    })
  })
  const following = copies.map(async ({ copy }) => {
    while (!isOver) await copy.sync({ limit: pick([1, 10, 1000]) ?? 1, wait: 1 })
  })
  const rounds = size(2, 20)
  const breaking = (async () => {
    for (let round = 1; round <= rounds; round += 1) {
      while (done < (operations * round) / (rounds + 1)) await pause(20)
      await servers.kill()
      for (const { listener } of listeners) listener.break()
      await servers.start()
    }
  })()
  await Promise.all([...writing, breaking])
  isOver = true
  await Promise.all(following)

  for (const { user, copy } of copies) {
    await copy.sync()
    const tasks: unknown[] = []
    for (let cursor = ''; ; ) {
      const { body } = await get(user, `/api/v1/tasks?sort=created_at&limit=1000${cursor}`)
      tasks.push(...body.tasks)
      if (body.next_cursor === null) break
      cursor = `&cursor=${body.next_cursor}`
    }
    const byId = (a: unknown, b: unknown) => (a as { id: number }).id - (b as { id: number }).id
    assert.deepEqual(copy.tasks(), tasks.sort(byId))
    const { body } = await get(user, '/api/v1/lists')
    const lists = [...copy.items].filter(([key]) => key.startsWith('list ')).map(([, list]) => list)
    const shown = body.lists.map(({ open_task_count: _, ...list }: Record<string, unknown>) => list)
    assert.deepEqual(lists.sort(byId), shown.sort(byId))
    assert.deepEqual(copy.items.get('settings'), (await get(user, '/api/v1/settings')).body)
    assert.equal(copy.resyncs, 0)
  }

  let events = 0
  for (const { user, copy, listener } of listeners) {
    // The same, without an interruption.
    const whole = await openEvents(client.url, { user, query: `?since=${listener.start}` })
    await whole.until(() => whole.lastId() === copy.next)
    while (listener.count < whole.events.length) await pause(20)
    await listener.stop()
    assert.deepEqual(
      listener.ids,
      whole.events.map(({ id }) => id),
    )
    assert.equal(new Set(listener.ids).size, listener.ids.length)
    events += listener.ids.length
    whole.close()
  }
  test.diagnostic(`${operations} operations, ${events} events received, ${rounds} servers killed`)
})
