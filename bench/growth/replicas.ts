import type { Contestant, Field } from '../http/contestants.ts'
import { type Load, type Measured, measure } from '../http/measure.ts'
import { type Callers, callerOf, scenarios } from '../http/scenarios.ts'

export interface ReplicasFound {
  readonly replicas: number
  readonly scenario: string
  /** A fixed number of connections, spread over the replicas, as fast as they respond. */
  readonly full: Cost
  /** A fixed number of requests per second to each replica. */
  readonly even: Cost
}

interface Cost {
  readonly requestsPerSecond: number
  /** Microseconds per request, of all replicas and of PostgreSQL. */
  readonly serverCpu: number
  readonly databaseCpu: number
  readonly errors: number
}

const connections = 96
/** A load that eight replicas can bear beside PostgreSQL on two processors. */
const each = { rate: 150, connections: 10 }

/**
 * Adds replicas on one PostgreSQL: their total throughput, and whether the cost per request grows.
 */
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
    // Each load includes all of PostgreSQL's CPU time.
    databaseCpu: Math.max(...measured.map(one => one.databaseCpu ?? 0)) / total,
    errors: sum(one => one.errors),
  }
}
