import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { migrations } from '../server/db/migrations.ts'
import { type Served, served } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

const run = (text: string) => api.server.db.query(unprepared(text))

describe('a server whose tables are missing', () => {
  const healthOf = async () => {
    const [health, ready] = [await api.call('GET', '/health'), await api.call('GET', '/readyz')]
    assert.equal((await api.call('GET', '/livez')).status, 200)
    return [health.status, health.body.database, ready.status]
  }

  it('reports that it is not ready, and is ready after they are restored', async () => {
    assert.deepEqual(await healthOf(), [200, 'ok', 200])
    await run('alter schema duly rename to elsewhere')
    assert.deepEqual(await healthOf(), [503, 'missing', 503])
    await run('alter schema elsewhere rename to duly')
    assert.deepEqual(await healthOf(), [200, 'ok', 200])
    await run(`delete from duly.migrations where id = ${migrations.length}`)
    assert.deepEqual(await healthOf(), [503, 'older', 503])
    await run(
      `insert into duly.migrations (id, name) values (${migrations.length}, '${migrations.at(-1)?.name}')`,
    )
    await run(`insert into duly.migrations (id, name) values (100, 'of a newer version')`)
    assert.deepEqual(await healthOf(), [200, 'newer', 200])
    await run('delete from duly.migrations where id = 100')
  })
})

describe('health checks in the log', () => {
  it('are logged when their status changes, and only then', async () => {
    const statusesOf = (path: string) =>
      api.lines.filter(({ msg, route }) => msg === 'request' && route === path).map(({ status }) => status)
    for (const path of ['/livez', '/readyz', '/health']) {
      await api.call('GET', path)
      const before = statusesOf(path).length
      for (let n = 0; n < 5; n += 1) assert.equal((await api.call('GET', path)).status, 200)
      assert.equal(statusesOf(path).length, before)
    }
    await run('alter schema duly rename to elsewhere')
    for (let n = 0; n < 3; n += 1) assert.equal((await api.call('GET', '/readyz')).status, 503)
    await run('alter schema elsewhere rename to duly')
    for (let n = 0; n < 3; n += 1) assert.equal((await api.call('GET', '/readyz')).status, 200)
    assert.deepEqual(statusesOf('/readyz').slice(-2), [503, 200])
  })
})
