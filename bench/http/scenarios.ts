import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Contestant, Person } from './contestants.ts'

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Scenario {
  readonly name: string
  /** Makes what the scenario needs on one contestant, and says which requests are sent round and round. */
  prepare(people: Callers): Promise<readonly Request[]>
  /** Every request can be sent once only: the first of them warm up. */
  readonly once?: boolean
  /** What the others do not have. */
  readonly dulyOnly?: boolean
  /** Whose cost per request this one's is held against; its own at `bare` otherwise. */
  readonly against?: string
}

/** Calls one contestant as one person. */
export interface Caller {
  readonly collection: string
  readonly headers: Readonly<Record<string, string>>
  call(request: Request): Promise<{ status: number; headers: Headers; body: unknown }>
}

export type Callers = readonly [Caller, ...Caller[]]

export function callerOf({ url }: Contestant, { user, token }: Person): Caller {
  const always = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    collection: `/api/${user}/tasks`,
    headers: always,
    async call({ method, path, body, headers }) {
      const init = { method, headers: { ...always, ...headers }, ...(body === undefined ? {} : { body }) }
      const response = await fetch(url + path, init)
      const text = await response.text()
      return {
        status: response.status,
        headers: response.headers,
        body: text.startsWith('{') ? JSON.parse(text) : undefined,
      }
    },
  }
}

const title = (n: number) => `Water the plants on the balcony, round ${n}`
const description = 'The basil twice, the cactus not at all.'

// A server that stalled under the previous load may need a while until it responds again.
async function createOne(caller: Caller, body: string, patience = 10): Promise<number> {
  const answer = await caller.call({ method: 'POST', path: caller.collection, body })
  if (answer.status === 201) return (answer.body as { id: number }).id
  if (patience === 0)
    throw new Error(`${caller.collection}: creating a task was answered ${answer.status}, time and again.`)
  await pause(1000)
  return createOne(caller, body, patience - 1)
}

async function create(caller: Caller, count: number): Promise<number[]> {
  const ids: number[] = []
  while (ids.length < count) {
    const wave = Array.from({ length: Math.min(20, count - ids.length) }, (_, n) =>
      createOne(caller, JSON.stringify({ title: title(n), description })),
    )
    ids.push(...(await Promise.all(wave)))
  }
  return ids
}

/** What everybody does in turn, each with `count` tasks of their own. */
async function inTurn(
  people: Callers,
  count: number,
  request: (path: string) => Request,
): Promise<Request[]> {
  const rows: Request[][] = []
  // One after the other: several hundred calls at once are more than the slowest contestant survives.
  for (const caller of people) {
    const { headers, collection } = caller
    const ids = await create(caller, count)
    rows.push(ids.map(id => ({ ...request(`${collection}/${id}`), headers })))
  }
  return Array.from({ length: count }, (_, n) => rows.flatMap(row => row[n] ?? [])).flat()
}

const list = (name: string, limit: number): Scenario => ({
  name,
  async prepare([caller]) {
    await create(caller, limit)
    return [{ method: 'GET', path: `${caller.collection}?limit=${limit}`, headers: caller.headers }]
  },
})

/** Tasks of each person, made ahead for a load that uses them up. */
const toDelete = 600

// Every request changes something: a task's next one has another title.
async function updates(people: Callers): Promise<Request[]> {
  const rename = (n: number) => JSON.stringify({ title: title(n) })
  const first = await inTurn(people, 100 / people.length, path => ({ method: 'PUT', path, body: rename(1) }))
  return [...first, ...first.map(request => ({ ...request, body: rename(2) }))]
}

const v1 = '/api/v1/tasks'

/** Writes of v1, each sent once. @param request the nth write of one person, who has `ids` */
const writes = (name: string, existing: number, request: (n: number, ids: readonly number[]) => Request) => {
  const prepare = async (people: Callers, isKeyed: boolean): Promise<Request[]> => {
    const rows: Request[][] = []
    for (const caller of people) {
      const ids = await create(caller, existing)
      rows.push(
        Array.from({ length: toDelete }, (_, n) => {
          const key = isKeyed ? { 'idempotency-key': randomUUID() } : {}
          return { ...request(n, ids), headers: { ...caller.headers, ...key } }
        }),
      )
    }
    return Array.from({ length: toDelete }, (_, n) => rows.flatMap(row => row[n] ?? [])).flat()
  }
  const scenario = { once: true, dulyOnly: true } as const
  return [
    { ...scenario, name: `${name}, v1`, prepare: (people: Callers) => prepare(people, false) },
    {
      ...scenario,
      name: `${name} with key`,
      against: `${name}, v1`,
      prepare: (people: Callers) => prepare(people, true),
    },
  ]
}

/** Reads first: what is written later would lie in the lists of some and not of others. */
export const scenarios: readonly Scenario[] = [
  { name: 'health', prepare: async () => [{ method: 'GET', path: '/health' }] },
  { name: 'one task', prepare: people => inTurn(people, 5, path => ({ method: 'GET', path })) },
  list('page of 100', 100),
  list('list of 1000', 1000),
  {
    name: 'not modified',
    dulyOnly: true,
    against: 'one task',
    async prepare([caller]) {
      await create(caller, 50)
      const path = '/api/v1/tasks?limit=50'
      const { headers } = await caller.call({ method: 'GET', path })
      const etag = headers.get('etag') ?? ''
      return [{ method: 'GET', path, headers: { ...caller.headers, 'if-none-match': etag } }]
    },
  },
  {
    name: 'create',
    prepare: async people =>
      people.map(({ collection, headers }) => ({
        method: 'POST',
        path: collection,
        body: JSON.stringify({ title: title(0), description }),
        headers,
      })),
  },
  { name: 'update', prepare: people => updates(people) },
  // Writers of one list take turns at its revision.
  { name: 'update, one list', prepare: ([one]) => updates([one]) },
  {
    name: 'toggle',
    prepare: people => inTurn(people, 5, path => ({ method: 'PATCH', path: `${path}/complete` })),
  },
  {
    name: 'delete',
    once: true,
    prepare: people => inTurn(people, toDelete, path => ({ method: 'DELETE', path })),
  },
  ...writes('create', 0, n => ({
    method: 'POST',
    path: v1,
    body: JSON.stringify({ title: title(n), description }),
  })),
  ...writes('update', 20, (n, ids) => ({
    method: 'PATCH',
    path: `${v1}/${ids[n % ids.length]}`,
    body: JSON.stringify({ title: title(n) }),
  })),
  ...writes('delete', toDelete, (n, ids) => ({ method: 'DELETE', path: `${v1}/${ids[n]}` })),
]
