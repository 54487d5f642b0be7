import type { Contestant, Field } from '../http/contestants.ts'
import { type Load, type Measured, measure } from '../http/measure.ts'
import { type Callers, callerOf, scenarios } from '../http/scenarios.ts'

export interface ReplicasFound {
  readonly replicas: number
  readonly scenario: string
  /** As many connections as ever, spread over the replicas, as fast as they are answered. */
  readonly full: Cost
  /** As many requests a second to each replica as if it were alone. */
  readonly even: Cost
}

interface Cost {
  readonly requestsPerSecond: number
  /** Microseconds a request, of all replicas and of PostgreSQL. */
  readonly serverCpu: number
  readonly databaseCpu: number
  readonly errors: number
}

const connections = 96
/** A load that eight of them bear beside PostgreSQL on two processors. */
const each = { rate: 150, connections: 10 }

/** More and more replicas on one PostgreSQL: what all of them can do, and whether what each does becomes dearer. */
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
      const scenario = scenarios.find(known => known.name === name)
      const callers = people.map(person => callerOf(first, person)) as unknown as Callers
      const requests = (await scenario?.prepare(callers)) ?? []
      const load = { requests, once: false }
      found.push({
        replicas: count,
        scenario: name,
        full: await costOf(replicas, { ...load, connections: connections / count }),
        even: await costOf(replicas, { ...load, ...each }),
      })
    }
  }
  return found
}

async function costOf(replicas: readonly Contestant[], load: Omit<Load, 'seconds'>): Promise<Cost> {
  const all = (seconds: number) =>
    Promise.all(replicas.map(replica => measure(replica, { ...load, seconds })))
  await all(1)
  const measured = await all(4)
  const sum = (value: (one: Measured) => number) => measured.reduce((total, one) => total + value(one), 0)
  const total = sum(one => one.requests)
  return {
    requestsPerSecond: sum(one => one.requests / one.seconds),
    serverCpu: sum(one => one.serverCpu) / total,
    // Every load has seen all that PostgreSQL spent.
    databaseCpu: Math.max(...measured.map(one => one.databaseCpu ?? 0)) / total,
    errors: sum(one => one.errors),
  }
}
