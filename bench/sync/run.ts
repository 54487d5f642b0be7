import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { get } from '../growth/ask.ts'
import { type Contestant, type Field, stage } from '../http/contestants.ts'
import { untilDone } from '../http/interruption.ts'
import { cpuMicroseconds, rss } from '../http/process-cost.ts'
import { Client } from '../latency/client.ts'
import { type Stream, streamOf } from './stream.ts'

const help = `Usage: npm run bench sync -- [--users N] [--rate N] [--seconds N] [--idle N]

The cost of live events: users with a stream each, half of them at each of two replicas, while changes are made at a
steady rate at the first. Reports the time from a change to its user's stream, the CPU time per change with and without
streams, and the cost of idle streams: memory, and the poll once per second for users with changes.

  --users N    connected users with changes (default 1000)
  --rate N     changes per second (default 100)
  --seconds N  of each measurement (default 20)
  --idle N     idle streams of one process (default 9900)`

await untilDone(async () => {
  const { values } = parseArgs({
    options: {
      users: { type: 'string', default: '1000' },
      rate: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '20' },
      idle: { type: 'string', default: '9900' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  const [users, rate, seconds, idle] = [values.users, values.rate, values.seconds, values.idle].map(Number)
  const { open, close } = stage(['duly'])
  const work = async () => {
    const field = await open()
    const [first] = field.contestants
    if (!first) throw new Error('Duly did not start.')
    const second = await field.addReplica()
    const load = { rate: rate ?? 100, seconds: seconds ?? 20 }
    await changes(field, first, [], users ?? 1000, { ...load, seconds: 3 })
    const without = await changes(field, first, [], users ?? 1000, load)
    const streams = await connect(field, [first, second], 'user', users ?? 1000)
    const connected = await changes(field, first, streams, users ?? 1000, load)
    for (const stream of streams) stream.close()
    process.stdout.write(`${users} users, ${rate} changes per second, ${seconds} s\n`)
    process.stdout.write(
      `CPU per change, server and PostgreSQL: ${without.cpu} without streams, ${connected.cpu} with streams\n`,
    )
    for (const [name, times] of Object.entries(connected.delays))
      process.stdout.write(
        `from the request to the event, ${name} replica: p50 ${at(times, 0.5)} ms, p99 ${at(times, 0.99)} ms\n`,
      )
    const before = rss(second.pid) ?? Number.NaN
    const quiet = await idleCost(second, load.seconds)
    const waiting = await connect(field, [second], 'idle', idle ?? 9900)
    await pause(3000)
    const held = ((rss(second.pid) ?? Number.NaN) - before) * 1024
    const polled = await idleCost(second, load.seconds)
    for (const stream of waiting) stream.close()
    process.stdout.write(
      `${idle} idle streams: ${(held / (idle ?? 1)).toFixed(1)} KiB each; CPU per second, server and PostgreSQL: ${polled}, ${quiet} before\n`,
    )
  }
  return { work, close }
})

/** One stream for each user, at the replicas in rotation. */
async function connect(
  field: Field,
  replicas: readonly Contestant[],
  name: string,
  count: number,
): Promise<Stream[]> {
  const streams: Stream[] = []
  for (let n = 0; n < count; n += 20) {
    const some = Array.from({ length: Math.min(20, count - n) }, (_, k) => n + k)
    const opened = some.map(user => {
      const replica = replicas[user % replicas.length] as Contestant
      return streamOf(replica.url, field.personOf(`${name}-${user}`).token)
    })
    streams.push(...(await Promise.all(opened)))
  }
  return streams
}

interface Changed {
  /** Microseconds per change. */
  readonly cpu: string
  /**
   * Milliseconds from the request to the event, for streams at the same and at the other replica.
   */
  readonly delays: Readonly<Record<'same' | 'other', readonly number[]>>
}

async function changes(
  field: Field,
  target: Contestant,
  streams: readonly Stream[],
  users: number,
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
): Promise<Changed> {
  const client = new Client(target.url, 32)
  const delays = { same: [] as number[], other: [] as number[] }
  let missing = 0
  for (const [user, stream] of streams.entries())
    stream.onEvent(({ title }) => {
      missing -= 1
      delays[user % 2 === 0 ? 'same' : 'other'].push(Date.now() - Number(title))
    })
  const { pid, database = 0 } = target
  const before = [cpuMicroseconds(pid), cpuMicroseconds(database)]
  const count = rate * seconds
  process.stderr.write(`${count} changes, ${streams.length} streams\n`)
  const sent: Promise<unknown>[] = []
  const startedAt = performance.now()
  for (let n = 0; n < count; n += 1) {
    const early = startedAt + (n / rate) * 1000 - performance.now()
    if (early > 0) await pause(early)
    const request = get(field.personOf(`user-${(n * 7) % users}`), '/api/v1/tasks')
    const headers = {
      ...request.headers,
      'content-type': 'application/json',
      'idempotency-key': `${Math.round(startedAt)}-${n}`,
    }
    missing += 1
    sent.push(
      client
        .call({
          method: 'POST',
          path: request.path,
          headers,
          body: JSON.stringify({ title: `${Date.now()}` }),
        })
        .then(({ status }) => {
          if (status !== 201) throw new Error(`A change returned ${status}.`)
        }),
    )
  }
  await Promise.all(sent)
  const [server = 0, postgres = 0] = [cpuMicroseconds(pid), cpuMicroseconds(database)].map(
    (after, n) => (after - (before[n] ?? 0)) / count,
  )
  while (streams.length > 0 && missing > 0) await pause(100)
  client.close()
  return { cpu: `${server.toFixed(0)} and ${postgres.toFixed(0)} µs`, delays }
}

async function idleCost({ pid, database = 0 }: Contestant, seconds: number): Promise<string> {
  const before = [cpuMicroseconds(pid), cpuMicroseconds(database)]
  await pause(seconds * 1000)
  return [cpuMicroseconds(pid), cpuMicroseconds(database)]
    .map((after, n) => `${((after - (before[n] ?? 0)) / seconds / 1000).toFixed(1)} ms`)
    .join(' and ')
}

function at(times: readonly number[], part: number): string {
  const sorted = [...times].sort((a, b) => a - b)
  return String(sorted[Math.floor(part * sorted.length)] ?? '–')
}
