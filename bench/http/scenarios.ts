import type { Contestant } from './contestants.ts'

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Scenario {
  readonly name: string
  /** Makes what the scenario needs on one contestant, and says which requests are sent round and round. */
  prepare(caller: Caller): Promise<readonly Request[]>
  /** Every request can be sent once only, so they are made anew for each load. */
  readonly once?: boolean
  /** What the others do not have. */
  readonly dulyOnly?: boolean
  /** Whose cost per request this one's is held against; its own at `bare` otherwise. */
  readonly against?: string
}

/** Calls one contestant as the one user of the bench. */
export interface Caller {
  readonly collection: string
  call(request: Request): Promise<{ status: number; headers: Headers; body: unknown }>
}

export function callerOf({ url }: Contestant, user: string, token: string): Caller {
  const always = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    collection: `/api/${user}/tasks`,
    async call({ method, path, body, headers }) {
      const init = { method, headers: { ...always, ...headers }, ...(body === undefined ? {} : { body }) }
      const response = await fetch(url + path, init)
      const text = await response.text()
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? undefined : JSON.parse(text),
      }
    },
  }
}

const title = (n: number) => `Water the plants on the balcony, round ${n}`
const description = 'The basil twice, the cactus not at all.'

async function create(caller: Caller, count: number): Promise<number[]> {
  const ids: number[] = []
  while (ids.length < count) {
    const wave = Array.from({ length: Math.min(20, count - ids.length) }, (_, n) => {
      const body = JSON.stringify({ title: title(n), description })
      return caller.call({ method: 'POST', path: caller.collection, body })
    })
    for (const { body } of await Promise.all(wave)) ids.push((body as { id: number }).id)
  }
  return ids
}

const onSome = (name: string, request: (path: string, n: number) => Request): Scenario => ({
  name,
  prepare: async caller =>
    (await create(caller, 100)).map((id, n) => request(`${caller.collection}/${id}`, n)),
})

const list = (name: string, limit: number): Scenario => ({
  name,
  async prepare(caller) {
    await create(caller, limit)
    return [{ method: 'GET', path: `${caller.collection}?limit=${limit}` }]
  },
})

/** Tasks made ahead for a load that uses them up. */
const toDelete = 4000

/** Reads first: what is written later would lie in the lists of some and not of others. */
export const scenarios: readonly Scenario[] = [
  { name: 'health', prepare: async () => [{ method: 'GET', path: '/health' }] },
  onSome('one task', path => ({ method: 'GET', path })),
  list('page of 100', 100),
  list('list of 1000', 1000),
  {
    name: 'not modified',
    dulyOnly: true,
    against: 'one task',
    async prepare(caller) {
      await create(caller, 50)
      const path = '/api/v1/tasks?limit=50'
      const { headers } = await caller.call({ method: 'GET', path })
      return [{ method: 'GET', path, headers: { 'if-none-match': headers.get('etag') ?? '' } }]
    },
  },
  {
    name: 'create',
    prepare: async ({ collection }) => [
      { method: 'POST', path: collection, body: JSON.stringify({ title: title(0), description }) },
    ],
  },
  {
    name: 'update',
    // Two rounds of titles, so that every request changes something.
    prepare: async caller => {
      const ids = await create(caller, 100)
      return [1, 2].flatMap(round =>
        ids.map(id => ({
          method: 'PUT' as const,
          path: `${caller.collection}/${id}`,
          body: JSON.stringify({ title: title(round) }),
        })),
      )
    },
  },
  onSome('toggle', path => ({ method: 'PATCH', path: `${path}/complete` })),
  {
    name: 'delete',
    once: true,
    prepare: async caller =>
      (await create(caller, toDelete)).map(id => ({ method: 'DELETE', path: `${caller.collection}/${id}` })),
  },
]
