import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { DataRow } from '../server/backup/format.ts'
import { readParts } from '../server/backup/read.ts'
import { unprepared } from '../server/db/database.ts'
import { dulyHere } from './command.ts'
import { dataFolder } from './data-folder.ts'
import { newUserHere } from './person.ts'
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

const folder = dataFolder()
const secret = { BETTER_AUTH_SECRET: testSecret }
let own: OwnDatabase
before(async () => {
  own = await ownDatabase()
  const api = await served({}, own)
  await fill(api).finally(() => api.close())
})
after(async () => {
  await own.drop()
  rmSync(folder, { recursive: true, force: true })
})

/** One of everything, including what an incomplete copy would lose. */
async function fill(api: Served) {
  const user = newUser('O\'Neil "the" \\ {null}, é')
  const texts = [
    'NULL',
    '{}',
    '"',
    '\\',
    '\\N',
    'a\tb',
    "'; drop table tasks; --",
    'ß\u{1f411}e\u0301',
    ' ',
    '[]',
  ]
  const ids: number[] = []
  for (const text of texts) {
    const json = { title: `${text}.`, description: text === '"' ? null : text }
    const {
      status,
      body,
      text: said,
    } = await api.call('POST', '/api/v1/tasks', {
      user,
      json,
      headers: { 'idempotency-key': `key-${ids.length}` },
    })
    assert.equal(status, 201, said)
    ids.push(body.id)
  }
  await api.call('PATCH', `/api/tasks/${ids[0]}/complete`, { user })
  for (const id of ids.slice(-2)) await api.call('DELETE', `/api/tasks/${id}`, { user })
  const person = await newUserHere(api)
  const token = await person.token()
  await api.call('POST', '/api/v1/tokens', { token, json: { name: 'a script', scopes: ['tasks:read'] } })
  await person.auth('POST', '/sign-out')
  // The task with the highest number is permanently removed: its number must not be used again.
  await api.server.db.query(unprepared('delete from duly.tasks where id = $1'), [Number(ids.at(-1))])
}

async function contents(env: Env): Promise<Map<string, DataRow[]>> {
  const file = join(folder, `${Math.random()}`)
  const done = await dulyHere(['backup', file], { ...env, ...secret })
  assert.equal(done.code, 0, done.stderr)
  const tables = new Map<string, DataRow[]>()
  let rows: DataRow[] = []
  for await (const part of readParts(file)) {
    if ('start' in part) {
      rows = [[JSON.stringify(part.start)]]
      tables.set(part.start.table, rows)
    } else if ('rows' in part) rows.push(...part.rows)
  }
  return tables
}

async function copies(from: Env, to: string, more: Env = {}) {
  const done = await dulyHere(['copy', '--to', to], { ...from, ...secret, ...more })
  assert.equal(done.code, 0, done.stderr)
  return done
}

describe('a copy', () => {
  it('contains the same data, character by character, in either direction', async () => {
    const original = await contents(own.env)
    for (const table of ['owners', 'tasks', 'user', 'account', 'jwks', 'access_tokens', 'revocations']) {
      assert.ok((original.get(table)?.length ?? 0) > 1, `${table} holds something`)
    }
    const first = { DATA_DIR: join(folder, 'first') }
    const { stdout } = await copies(own.env, first.DATA_DIR)
    assert.equal(stdout.includes('Set BETTER_AUTH_SECRET'), false)
    assert.match(stdout, /tasks +9 {2}[0-9a-f]{16}/)
    assert.deepEqual(await contents(first), original)
    const kept = join(first.DATA_DIR, 'secret')
    const made = 'a secret that the server generated'
    writeFileSync(kept, made, { mode: 0o600 })
    const other = await ownDatabase('empty')
    const url = String(other.env.DATABASE_URL)
    const there = await copies(first, 'env:TARGET', { TARGET: url })
    assert.ok(there.stdout.includes(`Set BETTER_AUTH_SECRET to the secret in ${kept}`), there.stdout)
    for (const hidden of [url, made])
      assert.equal(`${there.stdout}${there.stderr}`.includes(hidden), false, hidden)
    assert.deepEqual(await contents(other.env), original)
    await other.drop()
  })

  it('assigns numbers to new tasks that were never used, and finds them', async () => {
    const env = { DATA_DIR: join(folder, 'first') }
    const { db } = await openDatabase(env)
    const [last] = await db.query(unprepared('select last_value from duly.tasks_id_seq'))
    await db.close()
    assert.equal(Number(last?.[0]), 10)
    const { code, stdout } = await dulyHere(['doctor'], { ...env, ...secret })
    assert.equal(code, 0, stdout)
  })

  it('is rejected if the target already contains data', async () => {
    const to = ['--to', join(folder, 'first')]
    const { code, stderr } = await dulyHere(['copy', ...to], { ...own.env, ...secret })
    assert.deepEqual([code, /--replace/.test(stderr)], [73, true])
  })

  it('never prints a password', async () => {
    const { code, stdout, stderr } = await duly(
      ['copy', '--to', 'postgres://me:hunter2@127.0.0.1:1/x?sslmode=prefer'],
      {
        ...own.env,
        ...secret,
      },
    ).ended
    assert.deepEqual([code, `${stdout}${stderr}`.includes('hunter2')], [78, false])
  })
})
