import assert from 'node:assert/strict'
import { cpSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { dataFolder } from './data-folder.ts'
import { smallDisk } from './faults/small-disk.ts'
import { duly } from './program.ts'
import {
  type Env,
  newUser,
  type OwnDatabase,
  openDatabase,
  ownDatabase,
  type Served,
  served,
  testSecret,
} from './served.ts'

// The embedded database has one session. Reading all of it would delay every other request.

const folder = dataFolder()
let own: OwnDatabase
before(async () => {
  own = await ownDatabase()
})
after(async () => {
  await own.drop()
  rmSync(folder, { recursive: true, force: true })
})

const leftovers = (env: Env) => readdirSync(String(env.DATA_DIR)).filter(name => name.startsWith('snapshot-'))

async function begunAndKilled(): Promise<void> {
  const { child, ended } = duly(['backup', join(folder, 'killed')], own.env)
  while (leftovers(own.env).length === 0) await pause(5)
  child.kill('SIGKILL')
  assert.equal((await ended).signal, 'SIGKILL')
}

describe('a copy of an embedded database in use', () => {
  // Shared by two tests, of which the last stops it.
  let server: Served

  it('is a consistent snapshot with all acknowledged writes', async () => {
    const { db } = await openDatabase(own.env)
    await db.query(unprepared('create table public.counted (id int primary key, note text)'))
    const count = 5000
    const add = unprepared(
      `insert into public.counted select n, repeat('x', 500) from generate_series($1::int, $2::int) n`,
    )
    await db.query(add, [1, count])
    let copying = true
    let added = count
    const writing = (async () => {
      for (; copying; added += 2) await db.query(add, [added + 1, added + 2])
    })()
    const before = added
    const copy = join(folder, 'copy')
    assert.ok(db.copyTo)
    await db.copyTo(join(copy, 'postgres'))
    copying = false
    await writing
    const acknowledged = added
    await db.query(unprepared('drop table public.counted'))
    await db.close()

    const { db: opened } = await openDatabase({ DATA_DIR: copy })
    const [row] = await opened.query(
      unprepared('select count(*), max(id), count(distinct note) from public.counted'),
    )
    const [found, last, notes] = (row ?? []).map(Number)
    assert.equal(found, last, 'the copy has no gap in sequential writes')
    assert.ok(Number(found) >= before && Number(found) <= acknowledged)
    assert.equal(notes, 1)
    await opened.close()
  })

  it('is readable by its owner only', () => {
    for (const path of ['copy', 'copy/postgres'])
      assert.equal(statSync(join(folder, path)).mode & 0o077, 0, path)
  })

  it('is made separately for each of duly backup, copy and doctor, which remove it and that of a killed command', async () => {
    server = await served({}, own)
    const made = await server.call('POST', '/api/v1/tasks', { user: newUser(), json: { title: 'kept' } })
    assert.equal(made.status, 201)
    await begunAndKilled()
    const env = { ...own.env, BETTER_AUTH_SECRET: testSecret }
    const concurrent = [
      ['backup', join(folder, 'file')],
      ['copy', '--to', join(folder, 'place')],
      ['doctor'],
    ].map(args => duly(args, env).ended)
    for (const { code, stdout, stderr } of await Promise.all(concurrent))
      assert.equal(code, 0, `${stdout}${stderr}`)
    assert.deepEqual(leftovers(own.env), [])
  })

  it('is removed by the next start if its command was killed', async () => {
    await begunAndKilled()
    await server.close()
    const next = await served({}, own)
    assert.deepEqual(leftovers(own.env), [])
    await next.close()
  })

  it('is not made if the disk has no room for it, and the server continues', async test => {
    const disk = await smallDisk(200)
    if (!disk) return test.diagnostic('skipped: this system does not allow mounting a small file system')
    cpSync(String(own.env.DATA_DIR), disk.folder, { recursive: true })
    const env = { DATA_DIR: disk.folder }
    const server = await served({}, { env, drop: async () => {} })
    disk.fill(10 * 1024 * 1024)
    const { code, stderr } = await duly(['backup', join(folder, 'no-room')], env).ended
    assert.notEqual(code, 0)
    assert.match(stderr, /MiB free, and the copy needs \d+ MiB/)
    assert.deepEqual(leftovers(env), [])
    const made = await server.call('POST', '/api/v1/tasks', { user: newUser(), json: { title: 'kept' } })
    assert.equal(made.status, 201)
    await server.close()
    await disk.remove()
  })
})
