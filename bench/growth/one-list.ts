import type pg from 'pg'
import { sortOrders } from '../../server/tasks/list-query.ts'
import type { Contestant, Field, Person } from '../http/contestants.ts'
import { forgetPeakRss, peakRss, rss } from '../http/process-cost.ts'
import { Client } from '../latency/client.ts'
import { type Asked, ask, get } from './ask.ts'
import { empty, fill } from './fill.ts'

export interface ListFound {
  readonly tasks: number
  /** A page of 50, by order and position in the list. */
  readonly pages: Readonly<Record<string, Asked>>
  /** Two words that occur in one task. */
  readonly search: Asked
  /** Mebibytes by which the server's memory grew while it streamed the whole list. */
  readonly streamedRss: number
  readonly streamedBytes: number
}

/** The cost of one user's requests while the list grows from 100 tasks to 100,000. */
export async function readAsOneListGrows(
  contestant: Contestant,
  { personOf }: Field,
  client: pg.Client,
  sizes: readonly number[],
): Promise<ListFound[]> {
  const found: ListFound[] = []
  for (const tasks of sizes) {
    process.stderr.write(`${tasks} tasks of one user: pages, search, the whole list\n`)
    await empty(client)
    const prefix = `lister-${tasks}-`
    await fill(client, prefix, 1, tasks)
    const person = personOf(`${prefix}1`)
    const pages: Record<string, Asked> = {}
    // The order by position is one of siblings.
    for (const sort of sortOrders.filter(name => !name.endsWith('position'))) {
      const places = await cursors(contestant, person, sort, tasks)
      for (const [place, cursor] of Object.entries(places)) {
        const request = get(person, `/api/v1/tasks?limit=50&sort=${sort}${cursor}`)
        pages[`${sort}, ${place}`] = await ask(contestant, [request], 200)
      }
    }
    const streamed = await stream(contestant, person)
    const search = await searchFor(contestant, person, tasks)
    found.push({ tasks, pages, search, ...streamed })
  }
  return found
}

async function cursors(
  { url }: Contestant,
  person: Person,
  sort: string,
  tasks: number,
): Promise<Record<'start' | 'middle' | 'end', string>> {
  const client = new Client(url, 1)
  // A cursor is valid for pages of any length, so the longest pages lead to a position fastest.
  const step = Math.min(1000, Math.max(10, tasks / 10))
  const after: string[] = ['']
  for (;;) {
    const path = `/api/v1/tasks?limit=${step}&sort=${sort}${after.at(-1)}`
    const { body } = await client.call(get(person, path), true)
    const { next_cursor: next } = JSON.parse(body) as { next_cursor: string | null }
    if (next === null) break
    after.push(`&cursor=${next}`)
  }
  client.close()
  return {
    start: '',
    middle: after[Math.floor(after.length / 2)] ?? '',
    end: after.at(-1) ?? '',
  }
}

async function stream(
  { url, pid }: Contestant,
  person: Person,
): Promise<Pick<ListFound, 'streamedRss' | 'streamedBytes'>> {
  const client = new Client(url, 1)
  const whole = () => client.call(get(person, '/api/v1/todos'), true)
  await whole()
  const before = rss(pid) ?? Number.NaN
  forgetPeakRss(pid)
  const { body } = await whole()
  client.close()
  return { streamedRss: (peakRss(pid) ?? Number.NaN) - before, streamedBytes: Buffer.byteLength(body) }
}

function searchFor(contestant: Contestant, person: Person, tasks: number): Promise<Asked> {
  const request = get(person, `/api/v1/tasks?q=${encodeURIComponent(`number ${Math.ceil(tasks / 2)}: `)}`)
  return ask(contestant, [request], 100)
}
