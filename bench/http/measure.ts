import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import autocannon from 'autocannon'
import type { Contestant } from './contestants.ts'
import type { Request } from './scenarios.ts'

export interface Measured {
  readonly requestsPerSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p95: number
  readonly p99: number
  /** Microseconds of user and system time of the server's process, all threads. */
  readonly cpuPerRequest: number
  /** Mebibytes since the process began; undefined where the system does not tell. */
  readonly peakRss: number | undefined
  /** Answers other than 2xx, and requests without one. */
  readonly errors: number
}

export interface Load {
  readonly requests: readonly Request[]
  readonly token: string
  readonly connections: number
  readonly seconds: number
  /** Every request is sent once, instead of round and round for `seconds`. */
  readonly once: boolean
}

/** Loads one contestant, and reads what its process spent meanwhile. */
export async function measure({ url, pid }: Contestant, load: Load): Promise<Measured> {
  const headers = { authorization: `Bearer ${load.token}`, 'content-type': 'application/json' }
  const requests = load.requests.map(request => ({ ...request, headers }))
  // Autocannon starts every connection at the first request; here each starts at a place of its own.
  let next = 0
  const amount = load.once ? { amount: load.requests.length } : { duration: load.seconds }
  await untilIdle(pid)
  const before = cpuMicroseconds(pid)
  const times: number[] = []
  const options: autocannon.Options = {
    url,
    connections: load.connections,
    ...amount,
    timeout: 30,
    requests: [
      {
        setupRequest: request => {
          next += 1
          return { ...request, ...requests[(next - 1) % requests.length] }
        },
      },
    ],
  }
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(options, (error, ended) => (error ? reject(error) : resolve(ended)))
    // Its own percentiles leave 95 out.
    instance.on('response', (_client, _status, _bytes, milliseconds) => times.push(milliseconds))
  })
  const spent = cpuMicroseconds(pid) - before
  times.sort((a, b) => a - b)
  const percentile = (part: number) => times[Math.floor(part * times.length)] ?? Number.NaN
  const { errors, non2xx } = result
  const answered = result.requests.total
  return {
    requestsPerSecond: answered / result.duration,
    p50: percentile(0.5),
    p95: percentile(0.95),
    p99: percentile(0.99),
    cpuPerRequest: spent / answered,
    peakRss: peakRss(pid),
    errors: errors + non2xx,
  }
}

// A load leaves up to one request per connection behind, and the server goes on answering them: with lists of a thousand
// for a second, which the next measurement would count as its own.
async function untilIdle(pid: number): Promise<void> {
  for (let n = 0; n < 50; n += 1) {
    const before = cpuMicroseconds(pid)
    await pause(200)
    if (cpuMicroseconds(pid) - before <= 20_000) return
  }
}

const ticksPerSecond =
  process.platform === 'linux' ? Number(execFileSync('getconf', ['CLK_TCK']).toString()) : 100

function cpuMicroseconds(pid: number): number {
  if (process.platform === 'linux') {
    // The name, in parentheses, may hold spaces: fields are counted from behind it (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6
  }
  const [seconds = 0, minutes = 0, hours = 0] = execFileSync('ps', ['-o', 'cputime=', '-p', String(pid)])
    .toString()
    .trim()
    .split(':')
    .reverse()
    .map(Number)
  return (seconds + 60 * minutes + 3600 * hours) * 1e6
}

function peakRss(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined
  const [, kibibytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return kibibytes === undefined ? undefined : Number(kibibytes) / 1024
}
