import { setTimeout as pause } from 'node:timers/promises'
import type { Person } from '../http/contestants.ts'
import type { Request } from '../http/scenarios.ts'
import type { Client } from './client.ts'

type Kind = 'crud' | 'list'

/** One request and its response: the id of a created task is stored, so that it can be deleted. */
export type Call = () => { readonly kind: Kind; readonly done: Promise<boolean> }

export interface Loaded {
  readonly answered: number
  /** Responses of 4xx and 5xx, and requests without a response. */
  readonly errors: number
  /** Milliseconds. */
  readonly crud: readonly number[]
  readonly list: readonly number[]
}

/** Creates a list for each user, and returns the next request of a random user. */
export async function traffic(client: Client, people: readonly Person[], tasks: number): Promise<Call> {
  const users = people.map(({ user, token }) => ({
    path: `/api/${user}/tasks`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ids: [] as number[],
    extra: [] as number[],
  }))
  type User = (typeof users)[number]
  let count = 0
  const create = async ({ path, headers }: User): Promise<number | undefined> => {
    count += 1
    const body = JSON.stringify({ title: `Water the plants, ${count}`, description: 'The basil twice.' })
    const answer = await client.call({ method: 'POST', path, headers, body }, true)
    return answer.status === 201 ? (JSON.parse(answer.body) as { id: number }).id : undefined
  }
  for (const user of users) {
    while (user.ids.length < tasks) {
      const made = await Promise.all(Array.from({ length: 50 }, () => create(user)))
      user.ids.push(...made.filter(id => id !== undefined))
    }
  }
  const any = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T
  const send = async (request: Request): Promise<boolean> => (await client.call(request)).status < 400
  const write = async (user: User): Promise<boolean> => {
    const { headers, extra } = user
    const path = `${user.path}/${any(user.ids)}`
    const kind = Math.floor(Math.random() * 4)
    if (kind === 0) return send({ method: 'PATCH', path: `${path}/complete`, headers })
    if (kind === 1) {
      count += 1
      return send({ method: 'PUT', path, headers, body: JSON.stringify({ title: `Round ${count}` }) })
    }
    // What is created is deleted later, so that the lists keep their length.
    const old = kind === 2 ? extra.shift() : undefined
    if (old !== undefined) return send({ method: 'DELETE', path: `${user.path}/${old}`, headers })
    const id = await create(user)
    if (id !== undefined) extra.push(id)
    return id !== undefined
  }
  return () => {
    const user = any(users)
    const { path, headers } = user
    const dice = Math.random()
    if (dice < 0.1)
      return { kind: 'list', done: send({ method: 'GET', path: `${path}?limit=${tasks}`, headers }) }
    if (dice < 0.8)
      return { kind: 'crud', done: send({ method: 'GET', path: `${path}/${any(user.ids)}`, headers }) }
    return { kind: 'crud', done: write(user) }
  }
}

/** Each of `connections` sends its next request after the response. */
export async function flatOut(next: Call, connections: number, seconds: number): Promise<Loaded> {
  const record = new Record()
  const end = performance.now() + seconds * 1000
  const loop = async () => {
    while (performance.now() < end) await record.follow(next, performance.now())
  }
  await Promise.all(Array.from({ length: connections }, loop))
  return record
}

/** Requests are sent at random times, `rate` per second on average, independent of responses. */
export async function atRate(next: Call, rate: number, seconds: number): Promise<Loaded> {
  const record = new Record()
  const underWay = new Set<Promise<void>>()
  const start = performance.now()
  const end = start + seconds * 1000
  let due = start
  while (due < end) {
    while (due <= performance.now() && due < end) {
      const followed = record.follow(next, due)
      underWay.add(followed)
      void followed.then(() => underWay.delete(followed))
      due += (-Math.log(1 - Math.random()) / rate) * 1000
    }
    await pause(1)
  }
  await Promise.all(underWay)
  return record
}

class Record implements Loaded {
  answered = 0
  errors = 0
  readonly crud: number[] = []
  readonly list: number[] = []

  /** @param since the time at which the request should have been sent */
  async follow(next: Call, since: number): Promise<void> {
    const { kind, done } = next()
    const good = await done.catch(() => false)
    this[kind].push(performance.now() - since)
    if (good) this.answered += 1
    else this.errors += 1
  }
}
