import type pg from 'pg'
import type { Contestant, Person } from '../http/contestants.ts'
import { cpuMicroseconds } from '../http/process-cost.ts'
import type { Request } from '../http/scenarios.ts'
import { Client } from '../latency/client.ts'

export interface Written {
  readonly name: string
  /** Bytes of the write-ahead log per write. */
  readonly log: number
  /**
   * The same right after a checkpoint, when the first change of each page writes the whole page.
   */
  readonly withPages: number
  /** Microseconds of CPU per write. */
  readonly server: number
  readonly database: number
}

const count = 2000
const batch = 100

type Ask = (n: number) => Pick<Request, 'method' | 'path'> & { readonly json?: object }

/**
 * Measures each kind of write whose name contains `only`, `atOnce` at a time, after a warm-up of
 * the same length.
 */
export async function write(
  client: pg.Client,
  { url, pid, database = 0 }: Contestant,
  people: readonly Person[],
  { only, atOnce }: { readonly only: string; readonly atOnce: number },
): Promise<Written[]> {
  const caller = new Client(url, atOnce)
  const call = async (n: number, ask: ReturnType<Ask>, key?: string) => {
    const person = people[n % people.length]
    const headers = {
      authorization: `Bearer ${person?.token}`,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    }
    const { method, path, json } = ask
    const body = json === undefined ? {} : { body: JSON.stringify(json) }
    const answer = await caller.call({ method, path, headers, ...body }, true)
    if (answer.status >= 300) throw new Error(`${method} ${path} returned ${answer.status}: ${answer.body}`)
    return answer.body
  }
  const many = async (ask: Ask, key?: string, times = count) => {
    let next = 0
    const bodies: string[] = []
    const worker = async () => {
      while (next < times) {
        const n = next
        next += 1
        bodies[n] = await call(n, ask(n), key && `${key}-${n}`)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    return bodies
  }
  const cost = async (work: () => Promise<unknown>, times: number) => {
    const before = [await position(client), cpuMicroseconds(pid), cpuMicroseconds(database)] as const
    await work()
    const after = [await position(client), cpuMicroseconds(pid), cpuMicroseconds(database)] as const
    const [log, server, used] = [0, 1, 2].map(n => ((after[n] ?? 0) - (before[n] ?? 0)) / times)
    return { log: log ?? 0, server: server ?? 0, database: used ?? 0 }
  }
  const create: Ask = n => ({
    method: 'POST',
    path: '/api/v1/tasks',
    json: { title: `Number ${n}: water and basil`, description: 'The basil twice, the cactus not at all.' },
  })
  let ids: number[] = []
  const one = (n: number) => `/api/v1/tasks/${ids[n]}`
  const task = { title: 'Water and basil', description: 'The basil twice, the cactus not at all.' }
  const operations = Array.from({ length: batch }, () => ({ op: 'create', task }))
  const batched: Ask = () => ({ method: 'POST', path: '/api/v1/batch', json: { operations } })
  const kinds: Record<string, { ask: Ask; key?: string; times?: number }> = {
    create: { ask: create },
    'create, with a key': { ask: create, key: 'create' },
    'new title': { ask: n => ({ method: 'PATCH', path: one(n), json: { title: `Number ${n}: bread` } }) },
    toggle: { ask: n => ({ method: 'PATCH', path: `/api/tasks/${ids[n]}/complete` }) },
    'toggle, with a key': {
      ask: n => ({ method: 'PATCH', path: one(n), json: { is_completed: true } }),
      key: 'toggle',
    },
    move: { ask: n => ({ method: 'POST', path: `${one(n)}/move`, json: { after: null } }) },
    [`batch of ${batch} creates`]: { ask: batched, times: count / 10 },
    [`batch of ${batch} creates, with a key`]: { ask: batched, key: 'batch', times: count / 10 },
    delete: { ask: n => ({ method: 'DELETE', path: one(n) }) },
  }
  const fresh = async () => {
    ids = (await many(create)).map(body => JSON.parse(body).id)
  }
  const found: Written[] = []
  for (const [name, { ask, key, times = count }] of Object.entries(kinds)) {
    if (!name.includes(only)) continue
    process.stderr.write(`${name}\n`)
    const round = (pages: boolean | 'warm') => () => many(ask, key && `${key}-${pages}`, times)
    await fullPages(client, false)
    await fresh()
    await round('warm')()
    await fresh()
    const small = await cost(round(false), times)
    await fullPages(client, true)
    await fresh()
    await client.query('checkpoint')
    found.push({ name, ...small, withPages: (await cost(round(true), times)).log })
  }
  caller.close()
  return found
}

/** The cost of the change log alone: inserts a copy of one entry of each kind of write. */
export async function entries(client: pg.Client, database = 0): Promise<Pick<Written, 'log' | 'database'>> {
  await client.query('create table entries (like duly.changes including all)')
  const before = [await position(client), cpuMicroseconds(database)] as const
  const { rowCount } = await client.query('insert into entries select * from duly.changes')
  const after = [await position(client), cpuMicroseconds(database)] as const
  await client.query('drop table entries')
  const [log, used] = [0, 1].map(n => ((after[n] ?? 0) - (before[n] ?? 0)) / (rowCount ?? 1))
  return { log: log ?? 0, database: used ?? 0 }
}

async function fullPages(client: pg.Client, on: boolean): Promise<void> {
  await client.query(`alter system set full_page_writes = ${on}`)
  await client.query('select pg_reload_conf()')
  const shown = async () => (await client.query('show full_page_writes')).rows[0].full_page_writes
  while ((await shown()) !== (on ? 'on' : 'off'));
}

async function position(client: pg.Client): Promise<number> {
  const { rows } = await client.query("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes")
  return Number(rows[0].bytes)
}
