import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { type Database, unprepared } from '../../server/db/database.ts'
import { callAt, type Env, newUser, openDatabase } from '../served.ts'
import { long } from '../size.ts'
import { Owner, type Stored } from './owner.ts'
import { keyedWriter, type Orders, plainWriter, type Tally } from './writer.ts'

// Clients write during faults and record the responses. The database is compared with the records.

const keyedOwners = 10
const writersOfEach = 2
const plainOwners = 6
/** Time in which the service has to recover. */
const patienceMs = 90_000
/** Time in which clients write without pauses, so that the next step of the test meets them. */
const hurryMs = 300

export class Ledger {
  readonly #owners: Owner[] = []
  readonly #tally: Tally = { acknowledged: 0, refused: 0, unknown: 0, replayed: 0, slowestMs: 0 }
  readonly #orders: Orders
  readonly #where: () => readonly string[]
  #writers: Promise<unknown> = Promise.resolve()
  #failed: Promise<never> | undefined

  /**
   * Starts the clients.
   * @param where the servers that can be called now
   * @param isRepeated whether a proxy repeats requests without a response
   */
  constructor(where: () => readonly string[], isRepeated = false) {
    this.#where = where
    this.#orders = {
      where,
      tally: this.#tally,
      isRepeated,
      isAbandoned: false,
      stopping: false,
      hurriesUntil: Date.now() + hurryMs,
    }
    const writers: Promise<void>[] = []
    for (let n = 0; n < keyedOwners + plainOwners; n += 1) {
      const owner = new Owner(newUser('ledger'), n)
      this.#owners.push(owner)
      const names = n < keyedOwners ? writersOfEach : 1
      const write = n < keyedOwners ? keyedWriter : plainWriter
      for (let name = 0; name < names; name += 1)
        writers.push(write(owner, `private-words-of-${name}`, this.#orders))
    }
    this.#writers = Promise.all(writers)
    // Reported to the next waiter.
    this.#failed = this.#writers.then(() => new Promise<never>(() => {}))
    this.#failed.catch(() => this.#abandon())
  }

  /** After one client fails the others stop too, so that the test ends. */
  #abandon(): void {
    this.#orders.stopping = true
    this.#orders.isAbandoned = true
  }

  /** Waits until this number of further writes has been acknowledged. */
  async another(writes: number): Promise<void> {
    const enough = this.#tally.acknowledged + writes
    await this.#until(() => this.#tally.acknowledged >= enough, 'writes to be acknowledged again')
  }

  /** Waits until a call has failed. */
  async troubled(): Promise<void> {
    const { refused, unknown } = this.#tally
    await this.#until(() => this.#tally.refused + this.#tally.unknown > refused + unknown, 'a call to fail')
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    let seen = this.#tally.acknowledged
    this.#orders.hurriesUntil = Infinity
    for (let deadline = Date.now() + patienceMs; !condition(); ) {
      if (this.#tally.acknowledged > seen) deadline = Date.now() + patienceMs
      seen = this.#tally.acknowledged
      if (Date.now() >= deadline) this.#abandon()
      assert.ok(Date.now() < deadline, `waited ${patienceMs / 1000} s for ${what}`)
      await Promise.race([pause(20), this.#failed])
    }
    if (!long) this.#orders.hurriesUntil = Date.now() + hurryMs
  }

  /** Stops the clients, after the outcome of every write with a key is known. */
  async settle(): Promise<void> {
    this.#orders.stopping = true
    const late = new AbortController()
    const tooLate = pause(patienceMs, undefined, { signal: late.signal }).then(() => {
      throw new Error('the outcome of some writes remained unknown')
    })
    tooLate.catch(() => {})
    await Promise.race([this.#writers, tooLate])
    late.abort()
  }

  /**
   * Compares every list, as a client reads it, and every stored revision with the records.
   * @param stop stops what must end before the database can be opened
   */
  async audit(env: Env, stop: () => Promise<void> = async () => {}): Promise<string> {
    const lists = new Map<Owner, Stored['tasks']>()
    for (const owner of this.#owners) lists.set(owner, await this.#list(owner.id))
    await stop()
    const { db } = await openDatabase(env)
    try {
      for (const owner of this.#owners) {
        const look = unprepared('select revision, task_count from duly.owners where id = $1')
        const [row = ['0', '0']] = await db.query(look, [owner.id])
        const stored = { revision: Number(row[0]), taskCount: Number(row[1]) }
        owner.audit({ tasks: lists.get(owner) ?? [], ...stored })
        await auditLog(db, owner)
      }
    } finally {
      await db.close()
    }
    const { acknowledged, refused, unknown, replayed, slowestMs } = this.#tally
    return `${acknowledged} writes acknowledged, 0 lost, 0 doubled; ${refused} refused, ${unknown} first unknown, ${replayed} of them executed; the slowest response took ${(slowestMs / 1000).toFixed(1)} s`
  }

  async #list(user: string): Promise<Stored['tasks']> {
    const [url = ''] = this.#where()
    const tasks: Stored['tasks'][number][] = []
    for (let cursor = ''; ; ) {
      const { status, body } = await callAt(url, 'GET', `/api/v1/tasks?limit=1000${cursor}`, { user })
      // The writers may have used up the rate limit of the user.
      if (status === 429) {
        await pause(100)
        continue
      }
      assert.equal(status, 200)
      tasks.push(...body.tasks)
      if (body.next_cursor === null) return tasks
      cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`
    }
  }
}

/**
 * Walks the log back from the tables, and compares each revision that a client received with it.
 */
async function auditLog(db: Database, owner: Owner): Promise<void> {
  const rows = await db.query(
    unprepared('select id, title, is_completed from duly.tasks where user_id = $1'),
    [owner.id],
  )
  const state = new Map(
    rows.map(([id, title, done]) => [Number(id), { title: String(title), isCompleted: done === 't' }]),
  )
  const entries = await db.query(
    unprepared(
      'select revision, item_id, fields::text from duly.changes where user_id = $1 order by revision desc',
    ),
    [owner.id],
  )
  let above = Number.POSITIVE_INFINITY
  for (const [text, id, fields] of entries) {
    const revision = Number(text)
    if (revision < above) {
      for (const { id: seen, ...expected } of owner.seen.get(revision) ?? [])
        assert.deepEqual(state.get(seen), expected, `task ${seen} at revision ${revision}`)
      above = revision
    }
    const item = state.get(Number(id))
    // An item does not exist before its creation.
    if (!item) continue
    const { title, is_completed } = JSON.parse(fields ?? '{}') as Record<string, [never, unknown] | undefined>
    if (title) item.title = title[0]
    if (is_completed) item.isCompleted = is_completed[0]
  }
}
