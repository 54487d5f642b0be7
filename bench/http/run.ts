import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { compareAnswers } from './compare-answers.ts'
import { type Contestant, type Field, type Name, stage } from './contestants.ts'
import { untilDone } from './interruption.ts'
import { type Measured, measure } from './measure.ts'
import { pictureOf } from './picture.ts'
import { forgetPeakRss, peakRss } from './process-cost.ts'
import { circumstances, type Result, resultOf, tableOf, writeDated } from './result.ts'
import { callerOf, type Scenario, scenarios } from './scenarios.ts'

const names: readonly Name[] = [
  'bare',
  'duly',
  'duly embedded',
  'express',
  'express, key prepared',
  'fastapi, 2 workers',
  'fastapi, 1 worker',
]

// One worker is there to show what happens to it when more come than its pool of 20 has connections.
const stalls = ['one task', 'list of 1000', 'create']

const help = `Usage: npm run bench -- [--only SCENARIO]… [--with CONTESTANT]… [--connections N]… [--seconds N] [--rounds N]

Compares Duly, on PostgreSQL and embedded, with a program that does nothing but the work ("bare"), and with what people
usually write: Express with jsonwebtoken and pg, and FastAPI with SQLAlchemy. In every round each takes its turn, so
that a machine that drifts drifts for all. Starts all it needs on the loopback, and leaves nothing behind.

  --only SCENARIO    one of: ${scenarios.map(({ name }) => name).join('; ')}
  --with CONTESTANT  one of: ${names.join('; ')}
  --connections N    at once (default: first 10, then 100)
  --seconds N        of one contestant in one round, after one second to warm up (default 2)
  --rounds N         (default 3)

A run of everything writes bench/results/http-DATE.json and a picture, http.svg. The ratio is of CPU time,
against bare in the same round ("not modified" against one task); it carries over between machines, as requests a second
and latencies do not.`

const results = new URL('../../../bench/results/', import.meta.url)

await untilDone(async () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      with: { type: 'string', multiple: true },
      connections: { type: 'string', multiple: true, default: ['10', '100'] },
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  const chosen = choose(scenarios, values.only, ({ name }) => name, 'scenario')
  const connections = values.connections.map(text => positive('--connections', text))
  const seconds = positive('--seconds', values.seconds)
  const rounds = positive('--rounds', values.rounds)
  const taking = choose(names, values.with, name => name, 'contestant')
  const { open, close } = stage(taking)
  const compare = async () => {
    const field = await open()
    for (const sentence of field.absent) process.stderr.write(`${sentence}\n`)
    await compareAnswers(field)
    const found: Result[] = []
    for (const count of connections) found.push(...(await runAll(chosen, field, { count, seconds, rounds })))
    if (values.only || values.with) return
    const made = { ...circumstances(field.postgresVersion), seconds, rounds, results: found }
    const name = writeDated(results, 'http', made)
    writeFileSync(new URL('http.svg', results), pictureOf(found))
    process.stderr.write(`written to bench/results: ${name}, http.svg\n`)
  }
  return { work: compare, close }
})

interface Extent {
  readonly count: number
  readonly seconds: number
  readonly rounds: number
}

async function runAll(chosen: readonly Scenario[], field: Field, extent: Extent): Promise<Result[]> {
  const found: Result[] = []
  const measured = new Map<string, Measured[]>()
  for (const scenario of chosen) {
    const runners = field.contestants.filter(contestant => takesPart(contestant, scenario, extent.count))
    const peaks = await run(scenario, runners, field, extent, measured)
    const rows = runners.map(({ name }, n) => {
      const base =
        measured.get(key(scenario.against ?? scenario.name, scenario.against ? name : 'bare')) ?? []
      const own = measured.get(key(scenario.name, name)) ?? []
      return resultOf(
        { scenario: scenario.name, connections: extent.count, contestant: name },
        own,
        base,
        peaks[n],
      )
    })
    process.stdout.write(`${tableOf(rows, `${scenario.name}, ${extent.count} at once`)}\n`)
    found.push(...rows)
  }
  return found
}

function takesPart({ name }: Contestant, scenario: Scenario, connections: number): boolean {
  if (name === 'fastapi, 1 worker') return stalls.includes(scenario.name) && connections >= 100
  return name.startsWith('duly') || scenario.dulyOnly !== true
}

/** @returns the peak of each contestant's memory */
async function run(
  scenario: Scenario,
  runners: readonly Contestant[],
  { people: [first, ...others] }: Field,
  { count, seconds, rounds }: Extent,
  measured: Map<string, Measured[]>,
): Promise<(number | undefined)[]> {
  const prepare = (contestant: Contestant) =>
    scenario.prepare([callerOf(contestant, first), ...others.map(person => callerOf(contestant, person))])
  const prepared = new Map<Contestant, Awaited<ReturnType<typeof prepare>>>()
  const once = scenario.once === true
  const load = { connections: count, seconds, once }
  for (const contestant of runners) {
    const requests = await prepare(contestant)
    prepared.set(contestant, requests)
    await measure(contestant, { ...load, requests, seconds: 1 })
    forgetPeakRss(contestant.pid)
  }
  for (let round = 0; round < rounds; round += 1) {
    process.stderr.write(`${scenario.name}, ${count} at once: round ${round + 1} of ${rounds}\n`)
    // Nobody always comes after the same one.
    for (const contestant of round % 2 === 0 ? runners : [...runners].reverse()) {
      const requests = once ? await prepare(contestant) : (prepared.get(contestant) ?? [])
      const name = key(scenario.name, contestant.name)
      measured.set(name, [...(measured.get(name) ?? []), await measure(contestant, { ...load, requests })])
    }
  }
  return runners.map(({ pid }) => peakRss(pid))
}

function key(scenario: string, contestant: Name): string {
  return `${scenario}: ${contestant}`
}

function choose<T>(
  all: readonly T[],
  asked: readonly string[] | undefined,
  nameOf: (item: T) => string,
  kind: string,
): readonly T[] {
  const unknown = asked?.find(name => !all.some(item => nameOf(item) === name))
  if (unknown !== undefined)
    throw new Error(`There is no ${kind} "${unknown}"; say --help for those there are.`)
  return all.filter(item => asked?.includes(nameOf(item)) ?? true)
}

function positive(flag: string, text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new Error(`${flag} must be a whole number from 1.`)
}
