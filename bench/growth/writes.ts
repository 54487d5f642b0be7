import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import type { Contestant, Field } from '../http/contestants.ts'
import { Client } from '../latency/client.ts'
import { ask, get } from './ask.ts'
import { empty, fill } from './fill.ts'

export interface WritesFound {
  readonly writes: number
  /** Bytes on disk with indexes, of each table. */
  readonly sizes: Readonly<Record<string, number>>
  /** Milliseconds of reading one task. */
  readonly p50: number
}

const tables = ['owners', 'tasks']
const tasks = 1000

/**
 * Growth of tables while one user repeatedly changes the same 1,000 tasks, with autovacuum.
 * @param rate maximum writes per second
 */
export async function writeAgainAndAgain(
  contestant: Contestant,
  { personOf }: Field,
  client: pg.Client,
  steps: readonly number[],
  rate = Number.POSITIVE_INFINITY,
): Promise<WritesFound[]> {
  await empty(client)
  await fill(client, 'writer-', 1, tasks)
  const person = personOf('writer-1')
  const { rows } = await client.query<{ id: string }>("select id from duly.tasks where user_id = 'writer-1'")
  const paths = rows.map(({ id }) => `/api/v1/tasks/${id}`)
  const caller = new Client(contestant.url, 32)
  const headers = { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' }
  let written = 0
  const startedAt = performance.now()
  const writer = async (until: number) => {
    while (written < until) {
      written += 1
      const early = startedAt + (written / rate) * 1000 - performance.now()
      if (early > 0) await pause(early)
      const path = paths[written % tasks] ?? ''
      const body = JSON.stringify({
        title: `Number ${written}: water and basil`,
        is_completed: written % 2 === 0,
      })
      const { status } = await caller.call({ method: 'PATCH', path, headers, body })
      if (status !== 200) throw new Error(`${path} returned ${status}.`)
    }
  }
  const found: WritesFound[] = []
  for (const step of steps) {
    process.stderr.write(`${step} writes of one user\n`)
    await Promise.all(Array.from({ length: 32 }, () => writer(step)))
    const { p50 } = await ask(contestant, [get(person, paths[0] ?? '')], 400)
    const sizes = await client.query<{ name: string; bytes: string }>(
      `select name, pg_total_relation_size(('duly.' || name)::regclass) as bytes from unnest($1::text[]) as name`,
      [tables],
    )
    const bytes = Object.fromEntries(sizes.rows.map(row => [row.name, Number(row.bytes)]))
    found.push({ writes: step, sizes: bytes, p50 })
  }
  caller.close()
  return found
}
