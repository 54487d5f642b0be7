import { isDeepStrictEqual, parseArgs } from 'node:util'
import { type Contestant, type Field, stage } from './contestants.ts'
import { type Measured, measure } from './measure.ts'
import { callerOf, type Scenario, scenarios } from './scenarios.ts'

const help = `Usage: npm run bench -- [--only SCENARIO] [--connections N] [--seconds N]

Compares Duly, on PostgreSQL and embedded, with a program that does nothing but the work ("bare"), one after the other
in every scenario. Starts all it needs on the loopback, and leaves nothing behind.

  --only SCENARIO    one of: ${scenarios.map(({ name }) => name).join(', ')}; may be said several times
  --connections N    at once (default 100)
  --seconds N        per measurement (default 5)

CPU is of the server's process and carries over between machines as a ratio; requests a second and latencies do not.`

class Interrupted extends Error {}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  // At once: a load that was broken off would go on.
  process.exit(error instanceof Interrupted ? 130 : 1)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      connections: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '5' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return
  }
  const connections = positive('--connections', values.connections)
  const seconds = positive('--seconds', values.seconds)
  const unknown = values.only?.filter(name => !scenarios.some(scenario => scenario.name === name)) ?? []
  if (unknown.length > 0)
    throw new Error(`There is no scenario "${unknown.join(', ')}"; say --help for those there are.`)
  const chosen = scenarios.filter(({ name }) => values.only?.includes(name) ?? true)

  const { open, close } = stage()
  const compare = async () => {
    const field = await open()
    await compareAnswers(field)
    for (const scenario of chosen) await run(scenario, field, connections, seconds)
  }
  // Before anything is started: what runs synchronously, as initdb does, would be left behind by a signal's default.
  const interrupted = interruption()
  try {
    await Promise.race([compare(), interrupted])
  } finally {
    await close()
  }
}

// The listeners stay: npm hands on the Ctrl-C that the terminal has delivered already, and the second would end the
// process amid its cleaning up.
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => reject(new Interrupted(`The bench was stopped by ${signal}.`)))
    }
  })
}

function positive(flag: string, text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new Error(`${flag} must be a whole number from 1.`)
}

/** A comparison of programs that answer differently would say nothing. */
async function compareAnswers({ contestants, user, token }: Field): Promise<void> {
  const answers: unknown[] = []
  for (const contestant of contestants) {
    const { call, collection } = callerOf(contestant, user, token)
    const body = JSON.stringify({ title: 'Compare', description: 'the answers' })
    const created = await call({ method: 'POST', path: collection, body })
    const path = `${collection}/${(created.body as { id: number }).id}`
    const read = await call({ method: 'GET', path })
    const toggled = await call({ method: 'PATCH', path: `${path}/complete` })
    const listed = await call({ method: 'GET', path: `${collection}?limit=50` })
    const removed = await call({ method: 'DELETE', path })
    answers.push(withoutVariables([created, read, toggled, listed, removed]))
  }
  const differing = contestants.filter((_, n) => !isDeepStrictEqual(answers[n], answers[0]))
  if (differing.length === 0) return
  const names = differing.map(({ name }) => name).join(', ')
  throw new Error(`${names} answers differently from ${contestants[0]?.name}: ${JSON.stringify(answers)}`)
}

function withoutVariables(answers: unknown[]): unknown {
  const vary = new Set(['id', 'created_at', 'updated_at'])
  return JSON.parse(JSON.stringify(answers, (key, value) => (vary.has(key) ? typeof value : value)))
}

async function run(scenario: Scenario, field: Field, connections: number, seconds: number): Promise<void> {
  const results: [Contestant, Measured][] = []
  for (const contestant of field.contestants) {
    process.stderr.write(`${scenario.name}: ${contestant.name} …\n`)
    const caller = callerOf(contestant, field.user, field.token)
    const requests = await scenario.prepare(caller)
    const load = { requests, token: field.token, connections, seconds, once: scenario.once === true }
    if (!load.once) await measure(contestant, { ...load, seconds: 1 })
    results.push([contestant, await measure(contestant, load)])
  }
  const bare = results[0]?.[1].cpuPerRequest ?? Number.NaN
  const row = (...cells: string[]) =>
    process.stdout.write(
      `${cells.map((cell, n) => (n === 0 ? cell.padEnd(16) : cell.padStart(11))).join('')}\n`,
    )
  row(scenario.name, 'requests/s', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU µs', '× bare', 'peak MiB', 'errors')
  for (const [{ name }, measured] of results) {
    row(
      `  ${name}`,
      measured.requestsPerSecond.toFixed(0),
      ...[measured.p50, measured.p95, measured.p99].map(ms => ms.toFixed(0)),
      measured.cpuPerRequest.toFixed(1),
      (measured.cpuPerRequest / bare).toFixed(2),
      measured.peakRss?.toFixed(0) ?? '?',
      String(measured.errors),
    )
  }
}
