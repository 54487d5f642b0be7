import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Database, unprepared } from '../server/db/database.ts'
import { migrateDown, migrateUp } from '../server/db/migrate.ts'
import { migrationStatus } from '../server/db/migration-status.ts'
import { migrations } from '../server/db/migrations.ts'
import { StartError } from '../server/errors.ts'
import { tasks } from '../server/tasks/fields.ts'
import { newUser, type OwnDatabase, onPostgres, openDatabase, ownDatabase } from './served.ts'

let own: OwnDatabase
let db: Database
before(async () => {
  own = await ownDatabase('empty')
  db = (await openDatabase(own.env)).db
})
after(async () => {
  await db.close()
  await own.drop()
})

async function schema(): Promise<unknown> {
  const columns = `select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
    where table_schema = 'duly' order by table_name, ordinal_position`
  const indexes = `select indexname, indexdef from pg_indexes where schemaname = 'duly' order by indexname`
  return [await db.query(unprepared(columns)), await db.query(unprepared(indexes))]
}

/** Tasks as the first version wrote them. */
async function insertOld(user: string, titles: readonly string[]): Promise<void> {
  const owner = 'insert into duly.owners (id, revision, task_count) values ($1, $2, $2)'
  await db.query(unprepared(owner), [user, titles.length])
  const task = `insert into duly.tasks (user_id, title, title_key, description, is_completed, created_at, updated_at, revision, position)
    values ($1, $2, lower($2), 'kept', false, now(), now(), $3, 'a1')`
  for (const [index, title] of titles.entries()) await db.query(unprepared(task), [user, title, index + 1])
}

describe('migrations', () => {
  it('are reported as none for a new database, which is not changed', async () => {
    assert.deepEqual(await migrationStatus(db), [])
    const [row] = await db.query(unprepared(`select count(*) from pg_namespace where nspname = 'duly'`))
    assert.equal(row?.[0], '0')
  })

  it('run once, in order, and each can be reverted and run again with the same schema', async () => {
    const schemas = [] as unknown[]
    for (const count of migrations.keys()) {
      assert.deepEqual(await migrateUp(db, migrations.slice(0, count + 1)), [migrations[count]?.name])
      schemas.push(await schema())
    }
    assert.deepEqual(await migrateUp(db), [])
    for (let count = migrations.length - 1; count >= 0; count -= 1) {
      assert.deepEqual(await schema(), schemas[count])
      assert.deepEqual(await migrateDown(db, count), [migrations[count]?.name])
    }
    assert.equal((await migrateUp(db)).length, migrations.length)
    assert.deepEqual(await schema(), schemas.at(-1))
    const names = (await migrationStatus(db)).map(({ name }) => name)
    assert.deepEqual(
      names,
      migrations.map(({ name }) => name),
    )
  })

  it('preserve every row, up and down', async () => {
    const user = newUser()
    await migrateDown(db, 1)
    await insertOld(user, ['a', 'b', 'c'])
    const rows = () =>
      db.query(unprepared(`select ${tasks.columns('tasks')} from duly.tasks order by user_id, id`))
    const before = await rows()
    assert.equal(before.length, 3)
    await migrateUp(db)
    assert.deepEqual(await rows(), before)
    await migrateDown(db, 1)
    assert.deepEqual(await rows(), before)
    await migrateUp(db)
  })

  it('do not drop tasks unless forced', async () => {
    await assert.rejects(migrateDown(db, 0), (error: unknown) => {
      return error instanceof StartError && /3 tasks/.test(error.message) && /--force/.test(error.message)
    })
    assert.equal((await migrationStatus(db)).length, migrations.length)
  })

  it('change nothing if one of them fails', async () => {
    const before = await schema()
    const broken = { name: 'broken', up: ['create table duly.half (id integer)', 'select 1/0'], down: [] }
    await assert.rejects(migrateUp(db, [...migrations, broken]))
    assert.deepEqual(await schema(), before)
    assert.equal((await migrationStatus(db)).length, migrations.length)
  })

  it('of a newer program cause an error message', async () => {
    const newer = {
      name: 'from the future',
      up: ['create table duly.later (id integer)'],
      down: ['drop table duly.later'],
    }
    await migrateUp(db, [...migrations, newer])
    for (const attempt of [() => migrateUp(db), () => migrateDown(db, 0, { force: true })]) {
      await assert.rejects(attempt(), (error: unknown) => {
        return (
          error instanceof StartError &&
          error.exitCode === 78 &&
          /newer than this version/.test(error.message)
        )
      })
    }
    await migrateDown(db, migrations.length, { list: [...migrations, newer] })
  })

  it('are run by one of two programs that start together', async () => {
    await migrateDown(db, 0, { force: true })
    // The embedded database allows one process, so two callers of the same program are used there.
    const second = onPostgres ? (await openDatabase(own.env)).db : db
    const ran = await Promise.all([migrateUp(db), migrateUp(second)])
    if (second !== db) await second.close()
    assert.deepEqual(ran.map(names => names.length).sort(), [0, migrations.length])
  })
})
