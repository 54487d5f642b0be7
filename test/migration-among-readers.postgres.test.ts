import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Session, unprepared } from '../server/db/database.ts'
import { migrateUp } from '../server/db/migrate.ts'
import { type Migration, migrations } from '../server/db/migrations.ts'
import { openDatabase, ownMigratedDatabase } from './served.ts'

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await condition()); await pause(20))
    assert.ok(Date.now() < deadline, 'the condition did not become true')
}

const locks = (condition: string) => async (session: Session) => {
  const text = `select exists (select from pg_locks where ${condition} and relation in ('duly.owners'::regclass, 'duly.tasks'::regclass))`
  return (await session.query(unprepared(text)))[0]?.[0] === 't'
}
const someoneWaits = locks('not granted')
const migrationIsThere = locks(`mode = 'AccessExclusiveLock'`)

it('a migration of several tables rejects no reader that locks them in another order', async () => {
  const { db, env, close } = await ownMigratedDatabase()
  const { db: newer } = await openDatabase(env)
  let done = false
  const next: Migration = {
    name: 'two tables',
    up: [
      'alter table duly.tasks add column colour integer',
      // Lasts until another session waits for its locks.
      session => until(async () => done || (await someoneWaits(session))),
      'alter table duly.owners add column note text',
    ],
    down: [],
  }
  const read = db.transaction(async session => {
    await session.query(unprepared('select from duly.owners limit 1'))
    await until(() => migrationIsThere(session))
    await session.query(unprepared('select from duly.tasks limit 1'))
  })
  const migrated = migrateUp(newer, [...migrations, next])
  await read
  done = true
  assert.deepEqual(await migrated, ['two tables'])
  await newer.close()
  await close()
})

it('a migration that drops an index locks its table at the start', async t => {
  const { db, close } = await ownMigratedDatabase()
  t.after(close)
  let taken = false
  const next: Migration = {
    name: 'one index less',
    up: [
      async session => {
        taken = await migrationIsThere(session)
      },
      'drop index duly.tasks_created_at',
    ],
    down: [],
  }
  await migrateUp(db, [...migrations, next])
  assert.ok(taken)
})
