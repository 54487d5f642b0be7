import type { Contestant, Field } from '../http/contestants.ts'
import { measure } from '../http/measure.ts'
import { type Callers, callerOf, scenarios } from '../http/scenarios.ts'

export interface ReplicasFound {
  readonly replicas: number
  readonly scenario: string
  readonly requestsPerSecond: number
  /** Microseconds a request, of all replicas and of PostgreSQL. */
  readonly serverCpu: number
  readonly databaseCpu: number
  readonly errors: number
}

const connections = 96

/** The same number of connections, spread over more and more replicas on one PostgreSQL. */
export async function addReplicas(
  first: Contestant,
  { people, addReplica }: Field,
  counts: readonly number[],
): Promise<ReplicasFound[]> {
  const replicas = [first]
  const found: ReplicasFound[] = []
  for (const count of counts) {
    while (replicas.length < count) replicas.push(await addReplica())
    for (const name of ['one task', 'update']) {
      process.stderr.write(`${count} replicas: ${name}\n`)
      const scenario = scenarios.find(each => each.name === name)
      const callers = people.map(person => callerOf(first, person)) as unknown as Callers
      const requests = (await scenario?.prepare(callers)) ?? []
      const load = { requests, connections: connections / count, once: false }
      const all = (seconds: number) => Promise.all(replicas.map(each => measure(each, { ...load, seconds })))
      await all(1)
      const measured = await all(4)
      const sum = (value: (one: (typeof measured)[number]) => number) =>
        measured.reduce((total, one) => total + value(one), 0)
      const total = sum(one => one.requests)
      found.push({
        replicas: count,
        scenario: name,
        requestsPerSecond: sum(one => one.requests / one.seconds),
        serverCpu: sum(one => one.serverCpu) / total,
        // Every load has seen all that PostgreSQL spent.
        databaseCpu: Math.max(...measured.map(one => one.databaseCpu ?? 0)) / total,
        errors: sum(one => one.errors),
      })
    }
  }
  return found
}
