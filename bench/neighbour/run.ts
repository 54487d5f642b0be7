import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Contestant, type Field, type Person, stage } from '../http/contestants.ts'
import { untilDone } from '../http/interruption.ts'
import { Client } from '../latency/client.ts'

const help = `Usage: npm run bench neighbour -- [--tasks N] [--seconds N] [--only NAME]

What one user notices of another's expensive reads, on both databases: p50 and p99 of a list of 50 tasks, quiet and while the
other user has 100 requests of one kind in flight, again as soon as they are answered or when Retry-After says so.

  --tasks N     of the other user, with descriptions of 5 KB (default 2500)
  --seconds N   for each kind, at most twice as many (default 10)
  --only NAME   of the kinds: search, sort, list, offset, export`

const kinds: Readonly<Record<string, string>> = {
  search: '/api/v1/tasks?q=zz',
  sort: '/api/v1/tasks?sort=title',
  list: '/api/v1/todos',
  offset: '/api/tasks?offset=99999',
  export: '/api/v1/export',
}

await untilDone(async () => {
  const { values } = parseArgs({
    options: {
      tasks: { type: 'string', default: '2500' },
      seconds: { type: 'string', default: '10' },
      only: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  const { open, close } = stage(['duly', 'duly embedded'])
  const work = async () => {
    const field = await open()
    for (const contestant of field.contestants) {
      await fill(
        contestant,
        field.people[0],
        Number(values.tasks),
        'The basil twice, the cactus not at all. '.repeat(125),
      )
      await fill(contestant, field.people[1] as Person, 50, 'Twice.')
      await measure(contestant, field, Number(values.seconds) * 1000, values.only)
    }
  }
  return { work, close }
})

async function measure(
  contestant: Contestant,
  field: Field,
  ms: number,
  only: string | undefined,
): Promise<void> {
  const [busy, other] = [field.people[0], field.people[1] as Person]
  const quiet = await timesOf(contestant, other, ms)
  process.stdout.write(`${contestant.name}\n  quiet     ${spread(quiet)}\n`)
  for (const [kind, path] of Object.entries(kinds)) {
    if (only !== undefined && only !== kind) continue
    const load = keepAsking(contestant, busy, path)
    const times = await timesOf(contestant, other, ms)
    const statuses = await load.stop()
    process.stdout.write(`  ${kind.padEnd(9)} ${spread(times)}; its own answers: ${statuses}\n`)
  }
}

async function fill(
  contestant: Contestant,
  person: Person,
  tasks: number,
  description: string,
): Promise<void> {
  const client = new Client(contestant.url, 32)
  const create = (n: number) =>
    client.call({
      method: 'POST',
      path: '/api/v1/tasks',
      body: JSON.stringify({ title: `Number ${n}`, description: description.slice(0, 4990) }),
      headers: { ...headersOf(person), 'content-type': 'application/json' },
    })
  for (let n = 0; n < tasks; n += 100) {
    const answers = await Promise.all(
      Array.from({ length: Math.min(100, tasks - n) }, (_, m) => create(n + m)),
    )
    const wrong = answers.find(({ status }) => status !== 201)
    if (wrong) throw new Error(`A create was answered with ${wrong.status}.`)
  }
  client.close()
}

/** Milliseconds of calls at their time, one every 20 ms: one that is late counts from its time on. */
async function timesOf(contestant: Contestant, person: Person, ms: number): Promise<number[]> {
  const client = new Client(contestant.url, 64)
  const times: number[] = []
  const calls: Promise<void>[] = []
  const start = performance.now()
  for (let due = start; due < start + ms; due += 20) {
    await pause(Math.max(0, due - performance.now()))
    const call = client.call({ method: 'GET', path: '/api/v1/tasks?limit=50', headers: headersOf(person) })
    const noted = call.then(({ status }) => void times.push(status === 200 ? performance.now() - due : ms))
    calls.push(noted.catch(() => void times.push(ms)))
  }
  await Promise.race([Promise.all(calls), pause(ms)])
  while (times.length < calls.length) times.push(ms)
  client.close()
  return times.sort((a, b) => a - b)
}

/** Keeps 100 requests in flight. */
function keepAsking(contestant: Contestant, person: Person, path: string) {
  const client = new Client(contestant.url, 100)
  const counts = new Map<number, number>()
  let stopped = false
  const ask = async () => {
    while (!stopped) {
      const { status } = await client.call({ method: 'GET', path, headers: headersOf(person) })
      if (stopped) return
      counts.set(status, (counts.get(status) ?? 0) + 1)
      if (status !== 200) await pause(1000)
    }
  }
  const asking = Array.from({ length: 100 }, () => ask().catch(() => undefined))
  return {
    stop: async () => {
      stopped = true
      client.close()
      await Promise.race([Promise.all(asking), pause(5000)])
      return [...counts].map(([status, count]) => `${count} × ${status}`).join(', ') || 'none'
    },
  }
}

function headersOf({ token }: Person) {
  return { authorization: `Bearer ${token}` }
}

function spread(times: readonly number[]): string {
  const at = (share: number) =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN).toFixed(1)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`
}
