import assert from 'node:assert/strict'
import { it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { tidy } from '../server/db/upkeep.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

it('the embedded database vacuums tables with dead rows, and analyzes the others', async t => {
  const { db, close } = await ownMigratedDatabase()
  t.after(close)
  const tasks = ownTasks(db, newUser())
  const { id } = await tasks.create({ title: 'a', description: null, is_completed: false })
  await tasks.create({ title: 'b', description: null, is_completed: false })
  await db.query(unprepared('delete from duly.tasks where id = $1'), [id])
  // As PostgreSQL has it before the first analyze: -1 rows, and no statistics of columns.
  const known = () =>
    db.query(
      unprepared(`select reltuples, (select count(*) > 0 from pg_stats where schemaname = 'duly' and tablename = 'tasks'),
        relallvisible > 0 from pg_class
        where pg_class.oid = 'duly.tasks'::regclass`),
    )
  assert.deepEqual(await known(), [['-1', 'f', 'f']])
  await tidy(db)
  assert.deepEqual(await known(), [['1', 't', 't']])
})
