import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, describe, it } from 'node:test'
import { readConfig } from '../server/config/config.ts'
import { openSession } from '../server/db/postgres-session.ts'
import { ownDatabase } from './served.ts'

const database = await ownDatabase()
after(() => database.drop())

/** @param url of a database */
function addressOf(url: string) {
  const { postgres } = readConfig({ DATABASE_URL: url })
  assert.ok(postgres)
  return postgres
}

describe('a connection to PostgreSQL', () => {
  it('is opened even if the process is busy for longer than the time limit', async () => {
    const url = database.env.DATABASE_URL ?? ''
    const opening = openSession({ ...addressOf(url), connectMs: 1000 })
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1100)
    await (await opening).end()
  })

  it('is given up if the server does not respond', async () => {
    const silent = createServer(() => {})
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as { port: number }
    const address = addressOf(`postgres://duly@127.0.0.1:${port}/duly`)
    await assert.rejects(openSession({ ...address, connectMs: 100 }), { message: 'timeout expired' })
    silent.close()
  })
})
