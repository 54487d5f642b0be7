import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { manyTasks } from './many-tasks.ts'
import { rawCaller } from './raw-call.ts'
import { rawConnection } from './raw-connection.ts'
import { type Answer, newUser, type Served, served, tokenOf, unlimited } from './served.ts'

let api: Served
before(async () => {
  api = await served({ ...unlimited, CONTRACT: 'stage-2' })
})
after(() => api.close())

/** Locks the tasks, so that every request that needs them waits, until `release` is called. */
async function holdTasks(): Promise<{ release(): Promise<void> }> {
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  let ended: Promise<void> = Promise.resolve()
  await new Promise<void>((resolve, reject) => {
    ended = api.server.db.transaction(async session => {
      await session.query(unprepared('set local idle_in_transaction_session_timeout = 0'))
      await session.query(unprepared('lock table duly.tasks in access exclusive mode'))
      resolve()
      await held
    }, 'unlimited')
    ended.catch(reject)
  })
  return {
    release: () => {
      release()
      return ended
    },
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(10)
}

describe('more requests than the server has slots for', () => {
  it('get 503 at once in the format of their contract, while health checks succeed, and then the server recovers', async test => {
    // One user alone gets an eighth of the slots.
    const people = Array.from({ length: 20 }, () => newUser())
    const made = await Promise.all(
      people.map(person => api.call('POST', '/api/v1/tasks', { user: person, json: { title: 'kept' } })),
    )
    const paths = ['/api/v1/tasks', '/api/tasks', '/api/v1/todos']
    const { call, close } = rawCaller(api.server.url, 200)
    const tasks = await holdTasks()
    // The server waits for these requests when it closes, also after a failure.
    test.after(tasks.release)
    test.after(close)
    const refused: (Answer & { path: string })[] = []
    let away = 0
    const accepted: Promise<void>[] = Array.from({ length: 200 }, async (_, n) => {
      const of = n % people.length
      const path = `${paths[n % paths.length]}/${made[of]?.body.id}`
      const headers = { authorization: `Bearer ${tokenOf(people[of])}` }
      const answer = await call({ method: 'GET', path, headers })
      if (answer.headers.get('retry-after') === '1') refused.push({ ...answer, path })
      // On a slow machine the time limit of the database may expire first, with another response.
      else if (answer.headers.get('retry-after') === '2') away += 1
      else assert.deepEqual([answer.status, answer.body.title], [200, 'kept'])
    })
    // All slots are in use, and the rejected requests have their responses.
    await until(() => refused.length === 200 - 128 || away > 0)
    if (away > 0) {
      await tasks.release()
      await Promise.allSettled(accepted)
      return test.diagnostic('not compared: the machine is too slow to send 200 requests in 10 s')
    }
    assert.equal((await call({ method: 'GET', path: '/livez' })).status, 200)
    const [user = '', task] = [people[0], made[0]?.body]
    const late = await api.call('POST', '/api/v1/tasks', { user, json: { title: 'refused' } })
    assert.deepEqual([late.status, late.body.code], [503, 'busy'])
    const unknown = await api.call('GET', '/api/v1/tasks', { token: 'not even looked at' })
    assert.equal(unknown.status, 503)
    await tasks.release()
    await Promise.all(accepted)

    assert.equal(refused.length, 200 - 128)
    for (const { status, body, path } of refused) {
      assert.equal(status, 503)
      const told = path.startsWith('/api/v1/tasks') ? body.code : body.error_code
      assert.ok(['busy', 'INTERNAL_ERROR', 'SERVICE_UNAVAILABLE'].includes(told), path)
    }
    await until(() => api.lines.some(line => line.msg === 'no longer overloaded'))
    const { body: list } = await api.call('GET', '/api/v1/tasks', { user })
    assert.deepEqual(list.tasks, [task], 'rejected requests were not executed')
    const ended = api.lines.find(line => line.msg === 'no longer overloaded')
    assert.equal(ended?.refused, 200 - 128 + 2, 'the log reports the number')
    const ownLines = api.lines.filter(line => line.msg === 'request' && line.status === 503)
    assert.deepEqual(ownLines, [], 'without one line per request')
  })
})

const open = () => rawConnection(api.server.url)

describe('clients that pipeline requests', () => {
  const create = (user: string, title: string) => {
    const body = JSON.stringify({ title })
    return `POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenOf(user)}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  }
  const list = (user: string, connection = 'keep-alive') =>
    `GET /api/v1/tasks HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\nAuthorization: Bearer ${tokenOf(user)}\r\n\r\n`

  it('get their responses in order', async () => {
    const user = newUser()
    const { socket, received } = await open()
    const rounds = Array.from({ length: 20 }, (_, n) => `round-${n}.`)
    socket.write(rounds.map(title => create(user, title) + list(user)).join('') + list(user, 'close'))
    await once(socket, 'close')
    const answers = received().split('HTTP/1.1 ')
    assert.deepEqual(
      answers.map(answer => answer.slice(0, 3)),
      ['', ...rounds.flatMap(() => ['201', '200']), '200'],
    )
    for (const [n, title] of rounds.entries())
      assert.ok(answers[2 * n + 2]?.includes(title), `the list after ${title} contains it`)
  })

  it('are served again once the previous requests have responses', async () => {
    const user = newUser()
    const { socket, received } = await open()
    const lists = () => received().split('HTTP/1.1 200').length - 1
    for (let wave = 1; wave <= 3; wave += 1) {
      socket.write(list(user).repeat(50))
      await until(() => lists() === 50 * wave)
    }
    socket.destroy()
  })

  it('are disconnected if a later request is malformed, since its response could wait forever', async () => {
    const { socket, received } = await open()
    const tasks = await holdTasks()
    socket.write(`${list(newUser())}GET /%f HTTP/1.1\r\nHost: x\r\n\r\n`)
    await once(socket, 'close')
    await tasks.release()
    assert.equal(received(), '')
  })

  it('are disconnected if a hundred requests wait', async () => {
    const user = newUser()
    const { socket, received } = await open()
    const tasks = await holdTasks()
    socket.write(list(user).repeat(102))
    await once(socket, 'close')
    await tasks.release()
    assert.equal(received(), '')
  })
})

describe('many clients that connect at once', () => {
  it('all get responses', async () => {
    const user = newUser()
    const { call, close } = rawCaller(api.server.url, 300)
    const headers = { authorization: `Bearer ${tokenOf(user)}` }
    const statuses = async () => {
      const answers = Array.from({ length: 300 }, () =>
        call({ method: 'GET', path: '/api/v1/todos', headers }),
      )
      return new Set((await Promise.all(answers)).map(({ status }) => status))
    }
    assert.deepEqual(
      [...(await statuses())].filter(status => ![200, 503].includes(status)),
      [],
    )
    close()
  })
})

describe('clients that do not read', () => {
  const user = newUser()
  // In JSON, a control character takes six bytes: a page of 30 MB, which is not streamed.
  const tasks = 1000
  const page = `GET /api/v1/tasks?limit=${tasks} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenOf(user)}\r\n\r\n`
  before(() => manyTasks(api.server.db, user, tasks, { description: '\u0001'.repeat(5000) }))

  it('and send invalid HTTP after a request get only the response to the request', async () => {
    const { socket, received } = await open()
    socket.write(page)
    await once(socket, 'data')
    socket.pause()
    socket.write('what is this?\r\n\r\n')
    await pause(200)
    socket.resume()
    await once(socket, 'close')
    assert.equal(received().split('HTTP/1.1').length, 2)
  })

  it('are disconnected before their responses fill the memory, and others are served', async () => {
    // They request 90 MB. The limit is 64 MiB, and socket buffers hold a few MB each.
    const sockets = await Promise.all(Array.from({ length: 3 }, open))
    for (const { socket } of sockets) {
      socket.pause()
      socket.write(page)
    }
    const cut = () =>
      api.lines.filter(line => String(line.msg).startsWith('closed connections with too many'))
    await until(() => cut().length > 0)
    assert.ok(cut().every(line => Number(line.connections) < sockets.length))
    // Their earlier requests are still being processed, which may use all slots for a moment.
    for (let status = 503; status !== 200; await pause(10)) {
      status = (await api.call('GET', '/api/v1/tasks?limit=1', { user })).status
      assert.ok([200, 503].includes(status))
    }
    for (const { socket } of sockets) socket.destroy()
  })
})
