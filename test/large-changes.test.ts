import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { type Database, unprepared } from '../server/db/database.ts'
import type { Change } from '../server/tasks/change/change.ts'
import { createList, removeList } from '../server/tasks/change/list-operations.ts'
import { runChange } from '../server/tasks/change/run.ts'
import { replaceTag } from '../server/tasks/change/tag-operations.ts'
import { createTask, moveTask, removeTask, restoreTask } from '../server/tasks/change/task-operations.ts'
import { UndoConflict, undo } from '../server/tasks/change/undo.ts'
import { unlimited } from '../server/tasks/storage.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

// After a large change, the owner's next one waits until others had their share of the database.

const { db, close } = await ownMigratedDatabase()
after(close)

let isLarge: boolean | undefined
const noting = new Proxy(db, {
  get: (target, name) =>
    name === 'change'
      ? (((owner, run, guard, ending) =>
          // Without the rest, which would take its time.
          target.change(owner, run, guard).finally(() => {
            isLarge = ending?.isLarge?.()
          })) satisfies Database['change'])
      : Reflect.get(target, name),
})

/** An owner with a task and this many subtasks, all with a tag, in a list. */
async function ownerOf(count: number) {
  const owner = newUser()
  const change = async <T>(work: (change: Change) => Promise<T>, isDry = false) => {
    isLarge = undefined
    const done = await runChange({ db: noting, owner, quota: unlimited, actor: 'session' }, work, { isDry })
    assert.ok(!done.isReplayed)
    return done
  }
  const { result: list } = await change(one => createList(one, { name: 'List' }))
  const { result: root } = await change(one => createTask(one, { title: 'Root', list_id: list.id }))
  await db.query(
    unprepared(`insert into duly.tasks
        (user_id, title, title_key, is_completed, created_at, updated_at, revision, position, list_id, parent_id, tags, tag_keys)
      select $1, 'task', 'task', false, now(), now(), 1, 'a' || n, $2::bigint, $3::bigint, '["work"]', '{work}'
      from generate_series(1, $4::integer) as n`),
    [owner, list.id, root.id, count],
  )
  return { change, list: list.id, root: root.id }
}

/** Which changes were large. */
async function largeOnes(count: number): Promise<Record<string, boolean | undefined>> {
  const { change, list, root } = await ownerOf(count)
  const seen: Record<string, boolean | undefined> = {}
  const note = async <T>(name: string, work: (change: Change) => Promise<T>, isDry = false) => {
    const done = await change(work, isDry)
    seen[name] = isLarge
    return done.revision
  }
  const undoing = (revision: number) => (one: Change) => undo(one, revision, { tasks: 100_000 })
  const renamed = await note('rename', one => replaceTag(one, 'work', 'job'))
  await note('undo', undoing(renamed))
  const again = await note('rename again', one => replaceTag(one, 'work', 'job'))
  await note('rename once more', one => replaceTag(one, 'job', 'play'))
  await assert.rejects(note('refused undo', undoing(again)), UndoConflict)
  seen['refused undo'] = isLarge
  await note('dry run', one => removeTask(one, root), true)
  await note('delete', one => removeTask(one, root))
  await note('restore', one => restoreTask(one, root))
  await note('move', one => moveTask(one, root, { list_id: null }))
  await note('move back', one => moveTask(one, root, { list_id: list }))
  await note('move of all', one => removeList(one, list, null))
  return seen
}

describe('a change is large', () => {
  it('if it touches hundreds of tasks, also if it stores nothing', async () => {
    const seen = await largeOnes(300)
    assert.deepEqual(
      Object.entries(seen).filter(([, large]) => !large),
      [],
    )
  })

  it('and otherwise not, so that it is followed by the next at once', async () => {
    const seen = await largeOnes(50)
    assert.deepEqual(
      Object.entries(seen).filter(([, large]) => large !== false),
      [],
    )
  })
})
