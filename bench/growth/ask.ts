import type { Contestant, Person } from '../http/contestants.ts'
import { cpuMicroseconds } from '../http/process-cost.ts'
import type { Request } from '../http/scenarios.ts'
import { Client } from '../latency/client.ts'

export interface Asked {
  /** Milliseconds per request, sent sequentially. */
  readonly p50: number
  readonly p95: number
  /** Microseconds per request. */
  readonly serverCpu: number
  readonly databaseCpu: number
}

export const get = ({ token }: Person, path: string): Request => ({
  method: 'GET',
  path,
  headers: { authorization: `Bearer ${token}` },
})

/**
 * Sends the requests repeatedly and sequentially, so that a time is what one user waits for.
 * @throws if a request fails
 */
export async function ask(
  contestant: Contestant,
  requests: readonly Request[],
  count: number,
): Promise<Asked> {
  const { url, pid, database = 0 } = contestant
  const client = new Client(url, 1)
  const send = async (n: number) => {
    const request = requests[n % requests.length] as Request
    const startedAt = performance.now()
    const { status } = await client.call(request)
    if (status !== 200) throw new Error(`${request.path} returned ${status}.`)
    return performance.now() - startedAt
  }
  for (let n = 0; n < count / 4; n += 1) await send(n)
  const [server, postgres] = [cpuMicroseconds(pid), cpuMicroseconds(database)]
  const times: number[] = []
  for (let n = 0; n < count; n += 1) times.push(await send(n))
  const serverCpu = (cpuMicroseconds(pid) - server) / count
  const databaseCpu = (cpuMicroseconds(database) - postgres) / count
  client.close()
  times.sort((a, b) => a - b)
  const at = (part: number) => times[Math.floor(part * times.length)] ?? Number.NaN
  return { p50: at(0.5), p95: at(0.95), serverCpu, databaseCpu }
}
