import assert from 'node:assert/strict'
import { createServer, connect as dial, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { duly } from './program.ts'
import {
  callAt,
  newUser,
  type OwnDatabase,
  openDatabase,
  ownDatabase,
  type Served,
  served,
} from './served.ts'

// Between the server and PostgreSQL stands a door that the test opens and closes.

class Door {
  readonly #sockets = new Set<Socket>()
  readonly #target: URL
  #mode: 'open' | 'shut' | 'silent' = 'open'
  readonly #server = createServer(client => this.#enter(client))
  port = 0

  constructor(target: string) {
    this.#target = new URL(target)
  }

  async listen(): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (typeof address === 'object' && address) this.port = address.port
  }

  /** Shut: connections are cut and refused. Silent: they stay, and nothing comes through. */
  set(mode: 'open' | 'shut' | 'silent'): void {
    this.#mode = mode
    if (mode === 'shut') for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.set('shut')
    this.#server.close()
  }

  #enter(client: Socket): void {
    if (this.#mode === 'shut') {
      client.destroy()
      return
    }
    const server = dial(Number(this.#target.port), this.#target.hostname)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from)
      from.on('data', bytes => this.#mode !== 'silent' && to.write(bytes))
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }
}

let database: OwnDatabase
let door: Door
let api: Served
before(async () => {
  database = await ownDatabase()
  const url = new URL(String(database.env.DATABASE_URL))
  door = new Door(url.toString())
  await door.listen()
  url.port = String(door.port)
  api = await served({ DATABASE_URL: url.toString() }, database)
})
after(async () => {
  door.set('open')
  await api.close()
  door.close()
  await database.drop()
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition did not come true')
    await pause(50)
  }
}

describe('while the database is away', () => {
  for (const mode of ['shut', 'silent'] as const) {
    it(`(${mode}) calls get 503 with Retry-After, the process lives, and all is well once it is back`, async () => {
      const user = newUser()
      const create = (title: string) => api.call('POST', '/api/tasks', { user, json: { title } })
      assert.equal((await create('before')).status, 201)
      door.set(mode)
      const refused = await create('during')
      assert.equal(refused.status, 503)
      assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/)
      assert.deepEqual(Object.keys(refused.body), ['detail'])
      const health = await api.call('GET', '/health')
      assert.deepEqual(
        [health.status, health.body.status, health.body.database],
        [503, 'unavailable', 'unavailable'],
      )
      assert.equal((await api.call('GET', '/readyz')).status, 503)
      assert.equal((await api.call('GET', '/livez')).status, 200)
      door.set('open')
      await until(async () => (await create('after')).status === 201)
      await until(async () => (await api.call('GET', '/readyz')).status === 200)
      const { body } = await api.call('GET', '/api/tasks', { user })
      assert.ok(body.tasks.some((task: { title: string }) => task.title === 'before'))
    })
  }

  it('says once in the log why a session was lost', () => {
    assert.ok(api.lines.some(line => /session was lost/.test(String(line.msg))))
  })

  it('an unexpected error is answered with a sentence and an id, and logged once with its stack', async () => {
    const { db } = await openDatabase(database.env)
    const rename = (from: string, to: string) =>
      db.query({ name: '', text: `alter table duly.${from} rename to ${to}` })
    await rename('tasks', 'hidden')
    const { status, body } = await api.call('GET', '/api/tasks/1', { user: newUser() })
    await rename('hidden', 'tasks')
    await db.close()
    assert.equal(status, 500)
    const [, id] = /^Something went wrong on the server\. Please mention (\S+) /.exec(body.detail) ?? []
    const lines = api.lines.filter(line => line.msg === 'an unexpected error' && line.reqId === id)
    assert.equal(lines.length, 1)
    const { err } = JSON.parse(JSON.stringify(lines[0]))
    assert.match(err.stack, /\n\s+at /)
    assert.equal(err.statement, 'duly_get')
  })
})

describe('a start', () => {
  it('waits for a database that is still coming up, and says so', async () => {
    door.set('shut')
    const env = { ...database.env, PORT: '0' }
    const url = new URL(String(database.env.DATABASE_URL))
    url.port = String(door.port)
    const program = duly(['start'], { ...env, DATABASE_URL: url.toString() })
    await program.printed(/waiting for PostgreSQL at 127\.0\.0\.1/)
    door.set('open')
    const [, address = ''] = await program.printed(/listening on (http\S+?)[,"]/)
    assert.equal((await callAt(address, 'GET', '/health')).status, 200)
    assert.match(program.output(), /No token can be accepted/)
    program.child.kill('SIGTERM')
    assert.equal((await program.ended).code, 0)
  })

  it('that the database refuses ends at once with a sentence', async () => {
    const url = new URL(String(database.env.DATABASE_URL))
    url.pathname = '/no_such_database'
    const { code, stderr } = await duly(['start'], { DATABASE_URL: url.toString(), PORT: '0' }).ended
    assert.equal(code, 69)
    assert.match(stderr, /^PostgreSQL at 127\.0\.0\.1\/no_such_database refused: /)
    assert.ok(!stderr.includes('    at '))
  })
})
