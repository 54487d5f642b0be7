import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { compareAnswers } from './compare-answers.ts'
import { type Contestant, type Field, type Name, stage } from './contestants.ts'
import { untilDone } from './interruption.ts'
import { measure } from './measure.ts'
import { pictureOf } from './picture.ts'
import { forgetPeakRss, peakRss } from './process-cost.ts'
import { circumstances, type Result, type Round, resultOf, tableOf, writeDated } from './result.ts'
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

// One worker, since more requests than the 20 connections of its pool can stall it.
const stalls = ['one task', 'list of 1000', 'create']

// In its first two seconds a program costs up to twice as much, until V8 has compiled the hot code.
const warmUpSeconds = 3

const help = `Usage: npm run bench -- [--only SCENARIO]… [--with CONTESTANT]… [--connections N]… [--seconds N] [--rounds N] [--fsync]

Compares Duly, on PostgreSQL and embedded, with a minimal program ("bare") and with common stacks: Express with
jsonwebtoken and pg, and FastAPI with SQLAlchemy. All processes restart in every round and take turns, because two
processes of the same program differ in speed, and so does the machine over time. Everything runs on the loopback
interface. All processes and files are removed at the end.

  --only SCENARIO    one of: ${scenarios.map(({ name }) => name).join('; ')}
  --with CONTESTANT  one of: ${names.join('; ')}
  --connections N    concurrent connections (default: first 10, then 100)
  --seconds N        of one contestant in one round, after a warm-up of ${warmUpSeconds} s (default 2)
  --rounds N         (default 3)
  --fsync            PostgreSQL flushes each commit to disk, as in production

A complete run writes bench/results/http-DATE.json and a chart, http.svg. The ratio is that of the server's CPU time to
bare in the same round, and the total ratio includes PostgreSQL's ("not modified" is compared with one task). Ratios
apply to other machines; requests per second and latencies do not.`

const results = new URL('../../../bench/results/', import.meta.url)

await untilDone(async () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      with: { type: 'string', multiple: true },
      connections: { type: 'string', multiple: true, default: ['10', '100'] },
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '3' },
      fsync: { type: 'boolean', default: false },
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
  const { open, close } = stage(taking, {}, values.fsync ? ['fsync=on'] : [])
  const compare = async () => {
    const kept = new Map<string, Round[]>()
    let field: Field | undefined
    for (let round = 1; round <= rounds; round += 1) {
      field = await open()
      if (round === 1) {
        for (const sentence of field.absent) process.stderr.write(`${sentence}\n`)
        await compareAnswers(field)
      }
      for (const count of connections) {
        for (const scenario of chosen) {
          process.stderr.write(`round ${round} of ${rounds}: ${scenario.name}, ${count} at once\n`)
          await run(scenario, field, { count, seconds, round }, kept)
        }
      }
    }
    const found = connections.flatMap(count => resultsOf(chosen, taking, count, kept))
    if (values.only || values.with || !field) return
    const made = { ...circumstances(field.postgresVersion), seconds, rounds, results: found }
    const name = writeDated(results, 'http', made)
    writeFileSync(new URL('http.svg', results), pictureOf(found))
    process.stderr.write(`written to bench/results: ${name}, http.svg\n`)
  }
  return { work: compare, close }
})

/** Prints a table of each scenario. */
function resultsOf(
  chosen: readonly Scenario[],
  taking: readonly Name[],
  connections: number,
  kept: ReadonlyMap<string, readonly Round[]>,
): Result[] {
  return chosen.flatMap(({ name: scenario, against }) => {
    const rows = taking.flatMap(contestant => {
      const own = kept.get(key(scenario, connections, contestant))
      if (!own) return []
      const base = kept.get(key(against ?? scenario, connections, against ? contestant : 'bare'))
      return resultOf({ scenario, connections, contestant }, own, base ?? [])
    })
    process.stdout.write(`${tableOf(rows, `${scenario}, ${connections} at once`)}\n`)
    return rows
  })
}

function takesPart({ name }: Contestant, scenario: Scenario, connections: number): boolean {
  if (name === 'fastapi, 1 worker') return stalls.includes(scenario.name) && connections >= 100
  return name.startsWith('duly') || scenario.dulyOnly !== true
}

interface Extent {
  readonly count: number
  readonly seconds: number
  readonly round: number
}

async function run(
  scenario: Scenario,
  { contestants, people: [first, ...others] }: Field,
  { count, seconds, round }: Extent,
  kept: Map<string, Round[]>,
): Promise<void> {
  const runners = contestants.filter(contestant => takesPart(contestant, scenario, count))
  const once = scenario.once === true
  // The order alternates, so that no program always follows the same one.
  for (const contestant of round % 2 === 1 ? runners : runners.reverse()) {
    const requests = await scenario.prepare([
      callerOf(contestant, first),
      ...others.map(person => callerOf(contestant, person)),
    ])
    const fifth = Math.floor(requests.length / 5)
    const [warming, measured] = once
      ? [requests.slice(0, fifth), requests.slice(fifth)]
      : [requests, requests]
    const load = { connections: count, once }
    await measure(contestant, { ...load, requests: warming, seconds: warmUpSeconds })
    forgetPeakRss(contestant.pid)
    const given = await measure(contestant, { ...load, requests: measured, seconds })
    const name = key(scenario.name, count, contestant.name)
    kept.set(name, [...(kept.get(name) ?? []), { ...given, peakRss: peakRss(contestant.pid) }])
  }
}

function key(scenario: string, connections: number, contestant: Name): string {
  return `${scenario}, ${connections}: ${contestant}`
}

function choose<T>(
  all: readonly T[],
  asked: readonly string[] | undefined,
  nameOf: (item: T) => string,
  kind: string,
): readonly T[] {
  const unknown = asked?.find(name => !all.some(item => nameOf(item) === name))
  if (unknown !== undefined) throw new Error(`Unknown ${kind} "${unknown}". --help lists the known ones.`)
  return all.filter(item => asked?.includes(nameOf(item)) ?? true)
}

function positive(flag: string, text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new Error(`${flag} must be a whole number from 1.`)
}
