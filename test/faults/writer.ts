import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { type Attempt, attempt } from './attempt.ts'
import type { Owner, Wire } from './owner.ts'

/** The sum of all writers. */
export interface Tally {
  acknowledged: number
  refused: number
  /** Calls with an unknown outcome. */
  unknown: number
  /** Replayed responses to a repeated key: the write had been executed. */
  replayed: number
  slowestMs: number
}

/** Settings of all writers. */
export interface Orders {
  /** The servers that can be called now. */
  readonly where: () => readonly string[]
  readonly tally: Tally
  stopping: boolean
  /** Until then clients write without pauses; later they leave CPU time to starting servers. */
  hurriesUntil: number
  /** Whether a proxy repeats a write with a key if a server did not respond. */
  readonly isRepeated: boolean
  /** The test has failed: unknown outcomes stay unknown. */
  isAbandoned: boolean
}

interface Write {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly json?: object
  readonly headers: Readonly<Record<string, string>>
}

const path = '/api/v1/tasks'
const slowlyMs = 400
const round = [
  ...(['create', 'rename', 'toggle', 'rename if', 'batch', 'undo', 'move'] as const),
  ...(['create', 'toggle', 'remove', 'restore', 'rename', 'move', 'remove', 'undo'] as const),
]

/** A client that creates, changes and deletes its own tasks with keys, and records each outcome. */
export async function keyedWriter(owner: Owner, name: string, orders: Orders): Promise<void> {
  const mine: number[] = []
  /** What was deleted last, and the last change of a title. */
  let removed: readonly number[] = []
  let renamed: { readonly id: number; readonly change: string; readonly title: string } | undefined
  for (let n = 0; !orders.stopping; n += 1) {
    const id = mine[n % Math.max(1, mine.length)]
    const kind = id === undefined ? 'create' : round[n % round.length]
    const title = `${name} ${n}`
    const key = { 'idempotency-key': `${name}-${n}` }
    if (kind === 'create' || id === undefined) {
      const made = await settle({ method: 'POST', path, json: { title }, headers: key }, owner, orders)
      if (made) mine.push(owner.created(title, made.body))
      else owner.refused.add(title)
      continue
    }
    const known = owner.task(id)
    const one = `${path}/${id}`
    if (kind === 'remove') {
      const gone = await settle({ method: 'DELETE', path: one, headers: key }, owner, orders)
      if (!gone) continue
      removed = owner.removed(id)
      for (const other of removed) mine.splice(mine.indexOf(other), 1)
      continue
    }
    if (kind === 'restore') {
      const [first] = removed
      if (first === undefined) continue
      const back = { method: 'POST', path: `${path}/${first}/restore`, headers: key } as const
      const restored = await settle(back, owner, orders)
      if (!restored) continue
      owner.restored(removed, restored.body)
      mine.push(...removed)
      removed = []
      continue
    }
    if (kind === 'move') {
      const json = { after: null, parent_id: null }
      const moved = await settle({ method: 'POST', path: `${one}/move`, json, headers: key }, owner, orders)
      if (moved) owner.moved(id, moved.body)
      continue
    }
    if (kind === 'batch') {
      const operations = [
        { op: 'create', ref: 'a', task: { title: `${title} a` } },
        { op: 'create', task: { title: `${title} b`, parent_id: '$a' } },
        { op: 'update', id, changes: { title } },
      ]
      const all = { method: 'POST', path: '/api/v1/batch', json: { operations }, headers: key } as const
      const done = await settle(all, owner, orders)
      if (done) mine.push(...owner.batch(done.body.results.map(({ task }: { task: Wire }) => task)))
      else for (const refused of [title, `${title} a`, `${title} b`]) owner.refused.add(refused)
      continue
    }
    if (kind === 'undo') {
      if (!renamed || !mine.includes(renamed.id) || owner.task(renamed.id).title !== renamed.title) continue
      const undo = {
        method: 'POST',
        path: '/api/v1/undo',
        json: { change: renamed.change },
        headers: key,
      } as const
      const undone = await settle(undo, owner, orders)
      if (undone) owner.undone(undone.body.results[0].task)
      renamed = undefined
      continue
    }
    const change = kind === 'toggle' ? { is_completed: !known.isCompleted } : { title }
    const headers = kind === 'rename if' ? { ...key, 'if-match': `"${known.revision}"` } : key
    const changed = await settle({ method: 'PATCH', path: one, json: change, headers }, owner, orders)
    if (changed) {
      owner.changed(id, change, changed.body)
      if (kind === 'rename') renamed = { id, title, change: String(changed.headers.get('duly-change')) }
    } else if (change.title) owner.refused.add(title)
  }
}

/**
 * A client without keys. It creates tasks and toggles the first one; writes with an unknown outcome
 * may have been executed once, or not at all.
 */
export async function plainWriter(owner: Owner, name: string, orders: Orders): Promise<void> {
  let flipped: number | undefined
  for (let n = 0; !orders.stopping; n += 1) {
    const title = `${name} ${n}`
    if (flipped === undefined || n % 2 === 0) {
      const made = await ask({ method: 'POST', path, json: { title }, headers: {} }, owner, orders)
      if (made.outcome === 'done') {
        const id = owner.created(title, made.answer.body)
        flipped ??= id
      } else {
        owner[made.outcome].add(title)
        await pause(100)
      }
      continue
    }
    const flip: Write = { method: 'PATCH', path: `/api/tasks/${flipped}/complete`, headers: {} }
    const { outcome } = await ask(flip, owner, orders)
    owner.flipped(flipped, outcome === 'done')
    if (outcome !== 'done') await pause(100)
  }
}

/**
 * Sends a write, with the same key until its outcome is known.
 * @returns the response; undefined if the write was rejected and must not have been executed
 */
async function settle(write: Write, owner: Owner, orders: Orders) {
  let doubtful = false
  for (let tries = 0; ; tries += 1) {
    const seen = await ask(write, owner, orders)
    if (seen.outcome === 'done') {
      if (seen.answer.headers.has('idempotent-replayed')) {
        assert.ok(doubtful || orders.isRepeated, 'only a key that was sent before is replayed')
        orders.tally.replayed += 1
      }
      return seen.answer
    }
    if (orders.isAbandoned) throw new Error('the test has failed')
    doubtful ||= seen.outcome === 'unknown'
    await pause(Math.min(1000, 50 * 2 ** Math.min(tries, 5)))
    if (!doubtful) return undefined
  }
}

async function ask(
  { method, path: to, json, headers }: Write,
  owner: Owner,
  orders: Orders,
): Promise<Attempt> {
  const { tally } = orders
  if (Date.now() > orders.hurriesUntil) await pause(slowlyMs)
  const servers = orders.where()
  const url = servers[owner.server % servers.length]
  const startedAt = performance.now()
  const seen = await attempt(url, method, to, { user: owner.id, headers, ...(json ? { json } : {}) })
  tally.slowestMs = Math.max(tally.slowestMs, performance.now() - startedAt)
  if (seen.outcome === 'done') tally.acknowledged += 1
  else {
    tally[seen.outcome] += 1
    // As a client behind a load balancer: another server, if there is one.
    owner.server += 1
  }
  return seen
}
