import { fork } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Contestant, type Field, type Person, stage } from '../http/contestants.ts'
import { untilDone } from '../http/interruption.ts'
import type { Request } from '../http/scenarios.ts'
import { Client } from '../latency/client.ts'
import type { Answers, Plan, Times } from './work.ts'

const help = `Usage: npm run bench neighbour -- [--tasks N] [--postgres-tasks N] [--seconds N] [--only NAME]
                               [--database postgres|embedded]

Another user's latency: p50, p99 and maximum of a list of 50 tasks, while nothing else runs and beside 100 requests at once of one
kind by a user with many tasks of 5 KB. The load and the measurement each run in a process of their own; the load has the lower
priority, as if it ran on another machine.

  --tasks N            tasks of the busy user on the embedded database (default 2500)
  --postgres-tasks N   on PostgreSQL (default 10000)
  --seconds N          for each kind (default 5)
  --only NAME          one kind: search, sort, list, user-list, offset, export, rename (of the tag of all tasks)
  --database NAME      one database: postgres or embedded`

const get = (path: string): readonly Request[] => [{ method: 'GET', path }]
const rename = (from: string, to: string): Request => ({
  method: 'POST',
  path: '/api/v1/tags/rename',
  body: JSON.stringify({ from, to }),
})
/** The requests of each kind, sent in rotation. */
const kinds: Readonly<Record<string, (user: string) => readonly Request[]>> = {
  search: () => get('/api/v1/tasks?q=zz'),
  sort: () => get('/api/v1/tasks?sort=title'),
  list: () => get('/api/v1/todos'),
  'user-list': user => get(`/api/${user}/tasks`),
  offset: () => get('/api/tasks?offset=99999'),
  export: () => get('/api/v1/export'),
  rename: () => [rename('work', 'job'), rename('job', 'work')],
}

await untilDone(async () => {
  const { values } = parseArgs({
    options: {
      tasks: { type: 'string', default: '2500' },
      'postgres-tasks': { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '5' },
      only: { type: 'string' },
      database: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  const names = { postgres: 'duly', embedded: 'duly embedded' } as const
  const { database } = values
  const { open, close } = stage(
    database === 'postgres' || database === 'embedded' ? [names[database]] : Object.values(names),
  )
  const work = async () => {
    const field = await open()
    for (const contestant of field.contestants) {
      const tasks = Number(contestant.name === 'duly' ? values['postgres-tasks'] : values.tasks)
      await fill(contestant, field.people[0], tasks, 'The basil twice, the cactus not at all. '.repeat(125))
      await fill(contestant, field.people[1] as Person, 50, 'Twice.')
      await measure(contestant, field, Number(values.seconds) * 1000, values.only)
    }
  }
  return { work, close }
})

async function measure(
  { name, url }: Contestant,
  { people }: Field,
  ms: number,
  only: string | undefined,
): Promise<void> {
  const [busy, other] = [people[0], people[1] as Person]
  const probe = { url, token: other.token, path: '/api/v1/tasks?limit=50', ms }
  const quiet: number[] = []
  const beside: [string, Times, string][] = []
  const chosen = Object.entries(kinds).filter(([kind]) => only === undefined || only === kind)
  const start = (callsOf: (user: string) => readonly Request[]) =>
    run<Answers>({ kind: 'load', url, token: busy.token, calls: callsOf(busy.user) })
  // V8 optimizes the code of a new server during the first requests of each kind. Not after
  // changes: the upkeep of the embedded database would follow, in a quiet moment.
  for (const [, callsOf] of chosen.filter(([kind]) => kind !== 'rename')) {
    const load = start(callsOf)
    await pause(ms)
    load.stop()
    await load.result
  }
  for (const [kind, callsOf] of chosen) {
    quiet.push(...(await run<Times>({ kind: 'probe', ...probe }).result))
    const load = start(callsOf)
    // Excludes the start of the process from the measurement.
    await pause(1000)
    const times = await run<Times>({ kind: 'probe', ...probe }).result
    load.stop()
    beside.push([kind, times, JSON.stringify(await load.result)])
  }
  process.stdout.write(`${name}\n  quiet      ${spread(quiet)}\n`)
  const [, calm] = percentiles(quiet)
  for (const [kind, times, answers] of beside) {
    const ratio = (percentiles(times)[1] / calm).toFixed(1)
    process.stdout.write(
      `  ${kind.padEnd(10)} ${spread(times)}, p99 ${ratio} × quiet; its answers: ${answers}\n`,
    )
  }
}

function run<Result>(plan: Plan) {
  const child = fork(fileURLToPath(new URL('./work.js', import.meta.url)))
  const result = new Promise<Result>((resolve, reject) => {
    child.once('message', message => resolve(message as Result))
    child.once('exit', code => reject(new Error(`The ${plan.kind} ended with code ${code}.`)))
  })
  child.send(plan)
  return { result, stop: () => void child.send('stop') }
}

async function fill(contestant: Contestant, person: Person, tasks: number, text: string): Promise<void> {
  const client = new Client(contestant.url, 32)
  const create = (n: number) =>
    client.call({
      method: 'POST',
      path: '/api/v1/tasks',
      body: JSON.stringify({ title: `Number ${n}`, description: text.slice(0, 4990), tags: ['work'] }),
      headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
    })
  for (let n = 0; n < tasks; n += 100) {
    const answers = await Promise.all(
      Array.from({ length: Math.min(100, tasks - n) }, (_, m) => create(n + m)),
    )
    const wrong = answers.find(({ status }) => status !== 201)
    if (wrong) throw new Error(`A create returned ${wrong.status}.`)
  }
  client.close()
}

/** p50, p99 and the maximum. */
function percentiles(times: readonly number[]): readonly [number, number, number] {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return [at(0.5), at(0.99), at(1)]
}

function spread(times: readonly number[]): string {
  const [p50, p99, most] = percentiles(times).map(time => time.toFixed(1))
  return `p50 ${p50} ms, p99 ${p99} ms, maximum ${most} ms`
}
