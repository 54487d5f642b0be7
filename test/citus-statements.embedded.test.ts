import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { type Database, type Session, type Statement, unprepared } from '../server/db/database.ts'
import { FairReads } from '../server/db/fair-reads.ts'
import {
  dueJobs,
  enqueue,
  enqueueOnce,
  failJob,
  finishJob,
  queueState,
  releaseJob,
  renewJob,
  repeatJob,
  secondsToNext,
  takeJob,
} from '../server/jobs/jobs.ts'
import { createLog } from '../server/log.ts'
import { Changes } from '../server/sync/changes.ts'
import { readEvents } from '../server/sync/events.ts'
import {
  deliveriesOf,
  pruneDeliveries,
  requestAgain,
  requestTest,
  trimDeliveries,
} from '../server/sync/webhooks/deliveries.ts'
import {
  loadTarget,
  moveOn,
  recordAgain,
  recordAttempt,
  requestedOf,
} from '../server/sync/webhooks/delivery-state.ts'
import { SecretCipher } from '../server/sync/webhooks/secrets.ts'
import { wake } from '../server/sync/webhooks/service.ts'
import {
  createWebhook,
  getWebhook,
  removeWebhook,
  renewSecret,
  updateWebhook,
  webhooksOf,
} from '../server/sync/webhooks/webhooks.ts'
import type { Change } from '../server/tasks/change/change.ts'
import { createList, removeList, restoreList } from '../server/tasks/change/list-operations.ts'
import { emptyTrash, purgeTask } from '../server/tasks/change/purge.ts'
import { runChange } from '../server/tasks/change/run.ts'
import { replaceTag } from '../server/tasks/change/tag-operations.ts'
import { createTask, moveTask } from '../server/tasks/change/task-operations.ts'
import { undo } from '../server/tasks/change/undo.ts'
import { historyOf } from '../server/tasks/history.ts'
import { keyedBy } from '../server/tasks/keys.ts'
import { listsOf } from '../server/tasks/lists.ts'
import { removeTasksOf } from '../server/tasks/owner.ts'
import { changeSettings } from '../server/tasks/settings.ts'
import { Storage, unlimited } from '../server/tasks/storage.ts'
import { pruneHistory, sweepTrash } from '../server/tasks/sweep.ts'
import { behind, moved } from '../server/tasks/sync-statements.ts'
import { tagPage } from '../server/tasks/tag-list.ts'
import { tasksOf } from '../server/tasks/tasks.ts'
import { readTrash } from '../server/tasks/trash.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

// Compares the statements that the program sends with the rules of Citus' planner, without Citus.

type Verdict = 'one shard' | 'one shard, in steps' | 'all shards' | 'refused'

const strictest: readonly Verdict[] = ['refused', 'all shards', 'one shard, in steps']

/** The rules of Citus' router planner (src/backend/distributed/planner/multi_router_planner.c). */
function verdictOn({ text }: Statement): Verdict {
  const conflicts = text.match(/\bon conflict\b.*?(?=\breturning\b|$)/gs) ?? []
  const returned = text.match(/\breturning\b.*?(?=\n\s*\)|$)/gs) ?? []
  const clock = /\b(now|(clock|statement|transaction)_timestamp|make_interval)\(|\bcurrent_|_at - interval\b/
  if (
    [...conflicts, ...returned].some(part => clock.test(part)) ||
    /\bset\b[^;]*\bclock_timestamp\(/.test(text)
  )
    return 'refused'
  const touched = new Set(
    text.match(/duly\.(tasks|lists|settings|owners|changes|keys|jobs|webhooks|deliveries)\b/g),
  )
  const named = text.match(/(\buser_id|owners\.id|where id) = \$1|values \(\$1|select \$1,/g) ?? []
  if (named.length < touched.size) return 'all shards'
  return /\bas \(\s*insert\b/.test(text) ? 'one shard, in steps' : 'one shard'
}

it('statements that Citus would reject are detected', () => {
  const bump = 'update duly.owners set revision = revision + 1'
  const claim = 'insert into duly.keys as kept (user_id) values ($1) on conflict (user_id) do update'
  for (const text of [
    `${bump} where owners.id = $1 returning revision, clock_timestamp()`,
    `${bump}, written_at = clock_timestamp() where owners.id = $1`,
    `${claim} set created_at = excluded.created_at where kept.created_at < now() - interval '24 hours'`,
    `${claim} set created_at = excluded.created_at where kept.created_at < excluded.created_at - interval '1 day'`,
  ])
    assert.equal(verdictOn({ name: '', text }), 'refused', text)
  assert.equal(verdictOn({ name: '', text: `${bump} where owners.id = $1 returning revision` }), 'one shard')
})

it('deploy/citus/README.md describes how Citus would execute the statements of each operation', async t => {
  const readme = readFileSync(new URL('../../deploy/citus/README.md', import.meta.url), 'utf8')
  const [, table = ''] = /\n## The statements\n(.*?)\n## /s.exec(readme) ?? []
  const said = [...table.matchAll(/^\| (.*?) \| (.*?) \|$/gm)].map(([, call, verdict]) => [call, verdict])
  const { db, close } = await ownMigratedDatabase()
  t.after(close)
  assert.deepEqual(Object.fromEntries(said.slice(2)), await verdictsOnCalls(db))
})

/** Runs all operations on tasks, and returns the strictest class of statement of each. */
async function verdictsOnCalls(db: Database): Promise<Record<string, Verdict>> {
  let sent: Statement[] = []
  const noting = (session: Session): Session => ({
    query: (statement, values) => {
      sent.push(statement)
      return session.query(statement, values)
    },
    read: (statement, values, take) => {
      sent.push(statement)
      return session.read(statement, values, take)
    },
    run: (statement, values) => session.run(statement, values),
  })
  const watched: Database = {
    ...noting(db),
    label: db.label,
    usage: db.usage,
    transaction: (work, patience) => db.transaction(session => work(noting(session)), patience),
    change: (owner, work) => db.change(owner, session => work(noting(session))),
    ping: () => db.ping(),
    close: () => db.close(),
  }
  const owner = newUser()
  const tasks = ownTasks(watched, owner)
  const task = { title: 'Water the plants', description: 'The fern twice', is_completed: false }
  const { id } = await tasks.create(task)
  const list = { sort: 'title', limit: 10 } as const
  const reader = { isGone: () => false, seesSettings: true }
  const changes = new Changes(new FairReads(watched, watched, 1), owner, reader)
  const full = new Storage(watched, { maxTasks: 10, maxStorage: 0 }, createLog('silent'))
  const withKey = () => tasksOf(watched, owner).create({ title: 'd' }, { keyed: keyedBy('key', 'request') })
  const context = { db: watched, owner, quota: unlimited, actor: 'session' }
  const run = <T>(work: (change: Change) => Promise<T>) =>
    runChange(context, work, { keyed: keyedBy(randomUUID(), 'request'), answerOf: () => ({ text: '{}' }) })
  const job = { owner, id: 'a', kind: 'k' }
  const cipher = new SecretCipher(['a secret of the server'])
  const calls: Record<string, readonly (() => Promise<unknown>)[]> = {
    'read a task': [() => tasks.get(id)],
    'a page, a whole list': [() => tasks.page(10, 0), () => tasks.all()],
    'a list in an order, its entity tag': [() => tasks.list(list), () => tasks.state()],
    search: [() => tasks.list({ ...list, search: 'plants' })],
    'create a task': [() => tasks.create(task)],
    'change a task': [() => tasks.update(id, { title: 'b' }), () => tasks.updateIf(id, { title: 'c' }, [1])],
    'toggle a task': [() => tasks.toggle(id)],
    'delete a task': [() => tasks.removeIf(id, [1]), () => tasks.remove(id)],
    'a write with a key, its retry': [withKey, withKey],
    'lists, subtasks, moves, trash, tags, settings, undo': [
      () =>
        run(async change => {
          const { id: list } = await createList(change, { name: 'a' })
          const { id: parent } = await createTask(change, { title: 'a', list_id: list, tags: ['a'] })
          const { id: part } = await createTask(change, { title: 'b', parent_id: parent })
          await createTask(change, { title: 'c', parent_id: parent })
          await moveTask(change, part, { after: null })
          return list
        }),
      () => run(change => replaceTag(change, 'a', 'b')),
      () => run(change => undo(change, change.owner.revision, { tasks: 10 })),
      () => run(change => changeSettings(change, { time_zone: 'Europe/Berlin' })),
      async () => {
        const list = (await listsOf(watched, owner, { isGone: () => false }))[0]?.list.id ?? 0
        await run(change => removeList(change, list))
        await run(change => restoreList(change, list))
        await run(change => removeList(change, list, null))
        await readTrash(watched, owner, { limit: 1 }, { isGone: () => false })
        await run(change => emptyTrash(change))
      },
      async () => {
        const { task } = await tasksOf(watched, owner).create({ title: 'e' })
        await historyOf(watched, owner, task.id, { from: null, limit: 1 })
        await tagPage(watched, owner, { after: '', limit: 1 }, { isGone: () => false })
        await tasksOf(watched, owner).remove(task.id)
        await run(change => purgeTask(change, task.id))
      },
    ],
    'changes, events': [
      () => changes.page(undefined, 10),
      () => changes.page({ epoch: '0', revision: 0, type: 9, id: 0, isFirst: false }, 10),
      () => readEvents(owner, { epoch: '0', revision: 0, type: 9, id: 0 }, read => read(watched)),
    ],
    'free storage for new writes': [
      () => db.query(unprepared('update duly.owners set counted_revision = -1, trash_bytes = 1'), []),
      () => full.reclaim(owner),
    ],
    'look for changes of connected users': [() => watched.query(moved, [[owner], [0]])],
    'enqueue a job, take it, renew it, finish it': [
      () => enqueueOnce(watched, { ...job, id: 'once' }),
      () => enqueue(watched, job),
      async () => {
        const taken = await takeJob(watched, owner, job.id, 30)
        assert.ok(taken)
        await renewJob(watched, taken, 30)
        await failJob(watched, taken, { error: 'no', dead: false, delay: 0 })
        await releaseJob(watched, taken)
        await repeatJob(watched, taken, 0)
        await finishJob(watched, taken)
      },
    ],
    'webhooks, deliveries': [
      () =>
        run(async change => {
          const { webhook } = await createWebhook(
            change,
            { url: 'https://example.com/', events: ['*'] },
            cipher,
          )
          await updateWebhook(change, webhook.id, { events: ['task.*'] }, () => {})
          await renewSecret(change, webhook.id, cipher)
          await requestTest(change, webhook.id, 'a')
        }),
      async () => {
        const [{ id: hook } = { id: 0 }] = await webhooksOf(watched, owner)
        await getWebhook(watched, owner, hook)
        await deliveriesOf(watched, owner, hook, { limit: 1 })
        const target = await loadTarget(watched, owner, hook)
        const at = target?.position ?? { epoch: '0', revision: 0, type: 9, id: 0 }
        const to = { ...at, revision: at.revision + 1 }
        const attempt = { status: 500, error: null, ms: 1 }
        for (const message of await requestedOf(watched, { owner, id: hook }, 1)) {
          await recordAgain(watched, { owner, id: hook }, message, attempt)
          await requestAgain(watched, owner, hook, message.id)
          const outcome = { message, attempt, pause: 5 }
          assert.ok(await recordAttempt(watched, { owner, id: hook }, { from: at, to }, outcome))
          await requestAgain(watched, owner, hook, message.id)
        }
        assert.ok(await moveOn(watched, { owner, id: hook }, at, to))
        await trimDeliveries(watched, owner, hook)
        await watched.query(wake, [owner])
        await run(change => removeWebhook(change, hook))
      },
    ],
    'look for webhooks that have something to deliver': [() => watched.query(behind, [1])],
    'look for due jobs': [
      () => dueJobs(watched, ['k'], 1),
      () => secondsToNext(watched, ['k']),
      () => queueState(watched),
    ],
    'background jobs': [
      () => sweepTrash(watched, 1),
      () => pruneHistory(watched, 1),
      () => pruneDeliveries(watched),
    ],
    'delete all data of a user': [() => removeTasksOf(watched, owner)],
  }
  const found: Record<string, Verdict> = {}
  for (const [name, steps] of Object.entries(calls)) {
    sent = []
    for (const step of steps) await step()
    assert.ok(sent.length > 0, name)
    const verdicts = sent.map(verdictOn)
    found[name] = strictest.find(verdict => verdicts.includes(verdict)) ?? 'one shard'
  }
  return found
}
