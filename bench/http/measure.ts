import { setTimeout as pause } from 'node:timers/promises'
import autocannon from 'autocannon'
import type { Contestant } from './contestants.ts'
import { cpuMicroseconds } from './process-cost.ts'
import type { Request } from './scenarios.ts'

/** What one load gave. */
export interface Measured {
  readonly requests: number
  readonly seconds: number
  /** Milliseconds of every answer, in no order. */
  readonly times: readonly number[]
  /** Microseconds of user and system time of the server's processes, all threads. */
  readonly serverCpu: number
  /** The same of PostgreSQL; undefined where it is in the server's process. */
  readonly databaseCpu: number | undefined
  /** Answers of 4xx and 5xx, and requests without an answer. */
  readonly errors: number
}

export interface Load {
  readonly requests: readonly Request[]
  readonly connections: number
  readonly seconds: number
  /** Requests a second, where the connections shall not send as fast as they are answered. */
  readonly rate?: number
  /** Every request is sent once, instead of round and round for `seconds`. */
  readonly once: boolean
}

/** Loads one contestant, and reads what its processes and PostgreSQL spent meanwhile. */
export async function measure({ url, pid, database }: Contestant, load: Load): Promise<Measured> {
  // Autocannon starts every connection at the first request; here each starts at a place of its own.
  let next = 0
  const amount = load.once ? { amount: load.requests.length } : { duration: load.seconds }
  const both = () =>
    [cpuMicroseconds(pid), database === undefined ? undefined : cpuMicroseconds(database)] as const
  const [serverBefore, databaseBefore] = both()
  const times: number[] = []
  const options: autocannon.Options = {
    url,
    connections: load.connections,
    ...amount,
    ...(load.rate === undefined ? {} : { overallRate: load.rate }),
    timeout: 10,
    requests: [
      {
        setupRequest: request => {
          next += 1
          return { ...request, ...load.requests[(next - 1) % load.requests.length] }
        },
      },
    ],
  }
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(options, (error, ended) => (error ? reject(error) : resolve(ended)))
    // Its own percentiles leave 95 out.
    instance.on('response', (_client, _status, _bytes, milliseconds) => times.push(milliseconds))
  })
  const [serverAfter, databaseAfter] = both()
  await untilIdle(both)
  return {
    requests: result.requests.total,
    seconds: result.duration,
    times,
    serverCpu: serverAfter - serverBefore,
    databaseCpu: databaseAfter === undefined ? undefined : databaseAfter - (databaseBefore ?? 0),
    errors: result.errors + result['4xx'] + result['5xx'],
  }
}

// A load leaves up to one request per connection behind, and the server goes on answering them: with lists of a thousand
// for seconds, in which the next one would be disturbed. PostgreSQL tidies up after many writes.
async function untilIdle(costs: () => readonly (number | undefined)[]): Promise<void> {
  const spent = () => costs().reduce<number>((sum, cost) => sum + (cost ?? 0), 0)
  for (let n = 0; n < 300; n += 1) {
    const before = spent()
    await pause(100)
    if (spent() - before <= 10_000) return
  }
}
