import { setTimeout as pause } from 'node:timers/promises'
import autocannon from 'autocannon'
import type { Contestant } from './contestants.ts'
import { cpuMicroseconds } from './process-cost.ts'
import type { Request } from './scenarios.ts'

/** The result of one load. */
export interface Measured {
  readonly requests: number
  readonly seconds: number
  /** Milliseconds of every response, unordered. */
  readonly times: readonly number[]
  /** Microseconds of user and system time of the server's processes, all threads. */
  readonly serverCpu: number
  /** The same of PostgreSQL; undefined if it is in the server's process. */
  readonly databaseCpu: number | undefined
  /** Responses of 4xx and 5xx, and requests without a response. */
  readonly errors: number
}

export interface Load {
  readonly requests: readonly Request[]
  readonly connections: number
  readonly seconds: number
  /** Requests per second; undefined: as fast as they are answered. */
  readonly rate?: number
  /** Every request is sent once, instead of repeatedly for `seconds`. */
  readonly once: boolean
}

/** Loads one contestant, and measures the CPU time of its processes and of PostgreSQL. */
export async function measure({ url, pid, database }: Contestant, load: Load): Promise<Measured> {
  // Autocannon starts every connection at the first request; here each starts at another one.
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
    // Autocannon's own percentiles lack the 95th.
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

// Up to one request per connection is still in progress after a load, for seconds with lists of a
// thousand, and would disturb the next one. PostgreSQL also cleans up after many writes.
async function untilIdle(costs: () => readonly (number | undefined)[]): Promise<void> {
  const spent = () => costs().reduce<number>((sum, cost) => sum + (cost ?? 0), 0)
  for (let n = 0; n < 300; n += 1) {
    const before = spent()
    await pause(100)
    if (spent() - before <= 10_000) return
  }
}
