import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { loadBackup } from '../server/backup/load.ts'
import { checkBackup } from '../server/backup/read.ts'
import { writeBackupFile } from '../server/backup/write.ts'
import { type Database, unprepared } from '../server/db/database.ts'
import { migrateDown, migrateUp } from '../server/db/migrate.ts'
import { migrationStatus } from '../server/db/migration-status.ts'
import { migrations } from '../server/db/migrations.ts'
import { StartError } from '../server/errors.ts'
import { dataFolder } from './data-folder.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

const folder = dataFolder()
const file = join(folder, 'tried.backup')
const user = newUser()
let own: Awaited<ReturnType<typeof ownMigratedDatabase>>
let db: Database
let good: Buffer
let lines: string[]

before(async () => {
  own = await ownMigratedDatabase()
  db = own.db
  for (const title of ['one', 'two'])
    await ownTasks(db, user).create({ title, description: null, is_completed: false })
  await writeBackupFile(db, file, { secret: undefined })
  good = readFileSync(file)
  lines = gunzipSync(good).toString().trimEnd().split('\n')
  await migrateDown(db, 0, { force: true })
  await db.query(unprepared('drop schema duly cascade'))
})
after(async () => {
  await own.close()
  rmSync(folder, { recursive: true, force: true })
})

async function load(bytes: Uint8Array) {
  writeFileSync(file, bytes)
  const backup = await checkBackup(file)
  await loadBackup(db, { file, backup })
}

async function refuses(bytes: Uint8Array, message: RegExp) {
  await assert.rejects(load(bytes), (error: unknown) => {
    assert.ok(error instanceof StartError, String(error))
    assert.equal(error.exitCode, 65)
    assert.match(error.message, message)
    return true
  })
  const [row] = await db.query(unprepared(`select count(*) from pg_namespace where nspname like 'duly%'`))
  assert.equal(row?.[0], '0', 'nothing is left of it')
}

/** The backup with other lines, and checksums that match them. */
function forged(edit: (text: string) => string): Uint8Array {
  const edited = edit(lines.join('\n')).split('\n')
  let hash = createHash('sha256')
  let rows = 0
  const whole = edited.map(line => {
    if (line.startsWith('[')) {
      hash.update(`${line}\n`)
      rows += 1
      return line
    }
    if (!line.includes('"sha256"')) return line
    const end = { rows, sha256: hash.digest('hex') }
    hash = createHash('sha256')
    rows = 0
    return JSON.stringify(end)
  })
  return gzipSync(`${whole.join('\n')}\n`)
}

describe('an invalid backup is rejected, and changes nothing:', () => {
  it('not a backup', async () => {
    await refuses(Buffer.from('PGDMP and so on'), /not a backup of Duly/)
    await refuses(gzipSync('{"some":"thing"}\n'), /not a backup of Duly/)
    await refuses(gzipSync('hello\n'), /not a backup of Duly/)
    await refuses(new Uint8Array(), /is truncated/)
  })

  it('truncated at any position', async () => {
    for (const part of [0.1, 0.5, 0.9, 0.999]) {
      await refuses(good.subarray(0, Math.floor(good.length * part)), /is truncated|damaged/)
    }
    for (const count of [1, 2, lines.length - 1]) {
      await refuses(gzipSync(`${lines.slice(0, count).join('\n')}\n`), /is truncated/)
    }
  })

  it('changed at any position', async () => {
    for (const part of [0.2, 0.5, 0.8]) {
      const changed = Buffer.from(good)
      const at = Math.floor(changed.length * part)
      changed.writeUInt8(changed.readUInt8(at) ^ 0x55, at)
      await refuses(changed, /cannot be used/)
    }
    await refuses(gzipSync(lines.join('\n').replaceAll('"one"', '"won"')), /do not match their checksum/)
    await refuses(gzipSync(`${lines.join('\n')}\n{}\n`), /continues after its end/)
  })

  it('of a newer version, or in another format', async () => {
    await refuses(
      forged(text => text.replace('"migrations":[', '"migrations":["from the future",')),
      /newer version/,
    )
    await refuses(
      forged(text => text.replace('"format":1', '"format":2')),
      /does not support/,
    )
  })

  it('a line without an end, even if well compressed', async () => {
    await refuses(gzipSync(Buffer.alloc(64 * 1024 * 1024, 'a')), /too long/)
  })

  describe('decompresses to more than the available memory:', () => {
    const mebibyte = 1024 * 1024
    const head = () => `${lines[0]}\n`
    const tasks = () => lines.find(line => line.includes('"table":"tasks"')) ?? ''
    const width = () => JSON.parse(tasks()).columns.length
    /** Gzip of `head`, and `part` repeated; the members of a gzip file are concatenated. */
    const bomb = (text: string, part: Buffer, times: number) =>
      Buffer.concat([gzipSync(text), ...Array<Buffer>(times).fill(gzipSync(part))])

    const bombs: Readonly<Record<string, () => [Uint8Array, RegExp]>> = {
      'a first line without an end': () => [gzipSync(Buffer.alloc(64 * mebibyte, '{')), /too long/],
      'a line of spaces without an end': () => [
        bomb(head(), Buffer.alloc(16 * mebibyte, ' '), 200),
        /too long/,
      ],
      'a row without an end': () => [
        bomb(`${head()}${tasks()}\n["`, Buffer.alloc(16 * mebibyte, 'x'), 100),
        /too long/,
      ],
      'a nested row': () => [
        bomb(`${head()}${tasks()}\n`, Buffer.alloc(15 * mebibyte, '['), 1),
        /is truncated/,
      ],
      'a nested row, with an end': () => [
        gzipSync(`${head()}${tasks()}\n["",${'['.repeat(15 * mebibyte)}\n`),
        /is invalid/,
      ],
      'a row of millions of values': () => [
        gzipSync(`${head()}${tasks()}\n[${'null,'.repeat(3 * mebibyte)}null]\n`),
        /is invalid/,
      ],
      'a nested first line': () => [
        gzipSync(`{"duly":"backup","format":1,"migrations":${'['.repeat(200_000)}\n`),
        /damaged/,
      ],
      'an unlimited number of tables': () => {
        const empty = (n: number) =>
          `{"table":"t${n}","columns":[],"given":{}}\n{"rows":0,"sha256":"${createHash('sha256').digest('hex')}"}\n`
        return [
          gzipSync(head() + Array.from({ length: 2000 }, (_, n) => empty(n)).join('')),
          /structure is invalid/,
        ]
      },
      'invalid numbers of rows': () => [
        gzipSync(`${head()}${tasks()}\n{"rows":1e308,"sha256":"${'0'.repeat(64)}"}\n`),
        /do not match their checksum/,
      ],
    }
    for (const [what, make] of Object.entries(bombs)) {
      it(what, async () => {
        const [bytes, message] = make()
        await refuses(bytes, message)
      })
    }

    it('uses little memory, as a process with limited memory shows', async () => {
      const row = JSON.stringify(['x'.repeat(15 * mebibyte), ...Array(width() - 1).fill(null)])
      // Together more than the limit below.
      const bytes = bomb(`${head()}${tasks()}\n`, Buffer.from(`${row}\n`), 10)
      assert.ok(bytes.length < 1e6)
      writeFileSync(file, bytes)
      const cli = fileURLToPath(new URL('../server/cli.js', import.meta.url))
      const args = ['--max-old-space-size=128', cli, 'restore', file]
      const env = { ...process.env, ...own.env, DATA_DIR: join(folder, 'none') }
      const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
      assert.deepEqual([status, /is truncated/.test(stderr)], [65, true], stderr)
    })
  })

  it('tables and columns of other programs, with SQL as names', async () => {
    const table = '"table":"tasks'
    await refuses(
      forged(text => text.replace(`${table}"`, `${table}; drop table x"`)),
      /unknown table/,
    )
    await refuses(
      forged(text => text.replace('"revision"', '"revision) select 1 --"')),
      /do not match/,
    )
    await refuses(
      forged(text =>
        text.replace(/"tables":\d+/, counted => counted.replace(/\d+/, count => String(Number(count) - 1))),
      ),
      /tables are missing/,
    )
  })

  it('values that the database would reject or change', async () => {
    await refuses(
      forged(text => text.replace(/^\["1"(,.*"one")/m, '["0x1g"$1')),
      /rejects a row/,
    )
    await refuses(
      forged(text => text.replace(/^\["1"(,.*"one")/m, '["001"$1')),
      /differ from the backup/,
    )
    await refuses(
      forged(text => text.replace('"given":{"id":"2"}', '"given":{"id":"1"}')),
      /already in use/,
    )
  })
})

describe('a backup of an older version', () => {
  it('is restored as it was, and then migrated', async () => {
    const old = migrations.slice(0, 1)
    await migrateUp(db, old)
    const insertOwner = 'insert into duly.owners (id, revision, task_count) values ($1, 1, 1)'
    const insertTask = `insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision, position)
      values ($1, 'Old STRAẞE', 'old strasse', false, now(), now(), 1, 'a1')`
    for (const text of [insertOwner, insertTask]) await db.query(unprepared(text), [user])
    rmSync(file, { force: true })
    await writeBackupFile(db, file, { secret: undefined })
    await db.query(unprepared('drop schema duly cascade'))
    await load(readFileSync(file))
    assert.equal((await migrationStatus(db)).length, migrations.length)
    const { tasks } = await ownTasks(db, user).list({ sort: 'title', limit: 9, search: 'strasse' })
    assert.deepEqual(
      tasks.map(({ title }) => title),
      ['Old STRAẞE'],
    )
  })
})
