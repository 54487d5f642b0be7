import type pg from 'pg'
import type { Contestant, Field } from '../http/contestants.ts'
import { type Asked, ask, get } from './ask.ts'
import { empty, fill } from './fill.ts'

export interface RowsFound extends Asked {
  readonly rows: number
}

const people = 10_000
const asking = 200

/**
 * Reads tasks of 200 users, while the table grows from 1,000 rows to a million of 10,000 owners.
 */
export async function readAsRowsGrow(
  contestant: Contestant,
  { personOf }: Field,
  client: pg.Client,
  sizes: readonly number[],
): Promise<RowsFound[]> {
  const found: RowsFound[] = []
  for (const rows of sizes) {
    process.stderr.write(`${rows} rows: reading one task\n`)
    await empty(client)
    await fill(client, 'owner-', Math.min(people, rows), rows)
    const { rows: some } = await client.query<{ user_id: string; id: string }>(
      'select user_id, id from duly.tasks order by hashint8(id) limit $1',
      [asking],
    )
    const requests = some.map(({ user_id, id }) => get(personOf(user_id), `/api/v1/tasks/${id}`))
    found.push({ rows, ...(await ask(contestant, requests, 4000)) })
  }
  return found
}
