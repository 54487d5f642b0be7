import { getPriority, setPriority } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { Request } from '../http/scenarios.ts'
import { Client } from '../latency/client.ts'

// Sends the load, or measures beside it, in a separate process.

interface Target {
  readonly url: string
  readonly token: string
}

interface Probe extends Target {
  readonly kind: 'probe'
  readonly path: string
  readonly ms: number
}

interface Load extends Target {
  readonly kind: 'load'
  readonly calls: readonly Request[]
}

export type Plan = Probe | Load

/** Milliseconds of each request. */
export type Times = readonly number[]

/** The number of responses by status. */
export type Answers = Readonly<Record<string, number>>

let stopped = false
process.on('disconnect', () => process.exit())
process.on('message', async (plan: Plan | 'stop') => {
  if (plan === 'stop') stopped = true
  else process.send?.(plan.kind === 'probe' ? await probe(plan) : await load(plan), () => process.exit(0))
})

/**
 * Sends a request every 20 ms. Its time counts from the scheduled moment; without a response it is
 * the whole duration.
 */
async function probe({ url, token, path, ms }: Probe): Promise<Times> {
  const client = new Client(url, 64)
  const headers = { authorization: `Bearer ${token}` }
  const times: number[] = []
  const calls: Promise<void>[] = []
  // Opens the connections, and lets V8 compile the code.
  await Promise.all(Array.from({ length: 50 }, () => client.call({ method: 'GET', path, headers })))
  const start = performance.now()
  for (let due = start; due < start + ms; due += 20) {
    await pause(Math.max(0, due - performance.now()))
    const call = client.call({ method: 'GET', path, headers })
    const noted = call.then(({ status }) => void times.push(status === 200 ? performance.now() - due : ms))
    calls.push(noted.catch(() => void times.push(ms)))
  }
  await Promise.race([Promise.all(calls), pause(ms)])
  while (times.length < calls.length) times.push(ms)
  return times
}

/** 100 concurrent requests, each repeated after its response and after Retry-After. */
async function load({ url, token, calls }: Load): Promise<Answers> {
  setPriority(Math.min(19, getPriority() + 10))
  const client = new Client(url, 100)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const counts: Record<string, number> = {}
  let sent = 0
  const ask = async () => {
    while (!stopped) {
      // Each kind has a request.
      const next = calls[sent++ % calls.length] as Request
      const { status } = await client.call({ ...next, headers })
      counts[status] = (counts[status] ?? 0) + 1
      if (status !== 200) await pause(1000)
    }
  }
  for (let n = 0; n < 100; n += 1) ask().catch(() => undefined)
  while (!stopped) await pause(50)
  return counts
}
