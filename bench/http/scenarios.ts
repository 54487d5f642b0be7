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
  /** Creates what the scenario needs on one contestant, and returns the requests to repeat. */
  prepare(people: Callers): Promise<readonly Request[]>
  /** Every request can be sent only once; the first ones warm up. */
  readonly once?: boolean
  /** The other programs do not support it. */
  readonly dulyOnly?: boolean
  /**
   * The scenario with which its cost per request is compared; by default the same one of `bare`.
   */
  readonly against?: string
}

/** Sends requests to one contestant as one user. */
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
    throw new Error(`${caller.collection}: creating a task repeatedly returned ${answer.status}.`)
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

/** The same request of every user, for `count` tasks of each. */
async function inTurn(
  people: Callers,
  count: number,
  request: (path: string) => Request,
): Promise<Request[]> {
  const rows: Request[][] = []
  // Sequentially: the slowest contestant fails with several hundred concurrent requests.
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

/** Tasks of each user, created in advance for a load that deletes them. */
const toDelete = 600

// Every request changes its task: the next request for the same task has another title.
async function updates(people: Callers): Promise<Request[]> {
  const rename = (n: number) => JSON.stringify({ title: title(n) })
  const first = await inTurn(people, 100 / people.length, path => ({ method: 'PUT', path, body: rename(1) }))
  return [...first, ...first.map(request => ({ ...request, body: rename(2) }))]
}

const v1 = '/api/v1/tasks'

/** Writes of v1, each sent once. @param request the nth write of one user, who has `ids` */
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

/** Reads come first: tasks that writes create would be in the lists of only some contestants. */
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
  // Writes to one list are serialized by its owner's revision.
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
