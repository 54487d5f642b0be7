import { parseArgs } from 'node:util'
import { type Contestant, type Field, stage } from '../http/contestants.ts'
import { untilDone } from '../http/interruption.ts'
import { circumstances, writeDated } from '../http/result.ts'
import { Client } from './client.ts'
import { atRate, flatOut, type Loaded, traffic } from './load.ts'

const help = `Usage: npm run bench latency -- [--seconds N] [--share PART] [--connections N]

Response times while 100 clients of 20 users, each with a list of 1,000 tasks, read one task (70 %), read the list (10 %)
and write (20 %). First without pauses, which measures the maximum rate; then at a part of it. In the second part requests
are sent at random times (a Poisson process) that do not depend on responses, and times are counted from the moment at
which a request should have been sent, so that a stalled server is not hidden (coordinated omission).

  --seconds N       of the second part (default 60)
  --share PART      of the maximum rate (default 0.5)
  --connections N   (default 100)

Writes bench/results/latency-DATE.json.`

await untilDone(async () => {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      share: { type: 'string', default: '0.5' },
      connections: { type: 'string', default: '100' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  const [seconds, share, connections] = [values.seconds, values.share, values.connections].map(Number)
  if (!seconds || !share || !connections || share > 1)
    throw new Error('The options must be numbers. See --help.')
  const { open, close } = stage(['duly', 'duly embedded'])
  const work = async () => {
    const field = await open()
    const found: object[] = []
    for (const contestant of field.contestants) {
      found.push(await observe(contestant, field, { seconds, share, connections }))
    }
    const folder = new URL('../../../bench/results/', import.meta.url)
    const made = { ...circumstances(field.postgresVersion), seconds, share, connections, results: found }
    process.stderr.write(`written to bench/results: ${writeDated(folder, 'latency', made)}\n`)
  }
  return { work, close }
})

interface Extent {
  readonly seconds: number
  readonly share: number
  readonly connections: number
}

async function observe(contestant: Contestant, { people }: Field, extent: Extent): Promise<object> {
  const { seconds, share, connections } = extent
  const client = new Client(contestant.url, connections)
  process.stderr.write(`${contestant.name}: 1,000 tasks for each of ${people.length} users\n`)
  const next = await traffic(client, people, 1000)
  await flatOut(next, connections, 5)
  process.stderr.write(`${contestant.name}: maximum rate, 10 s\n`)
  const full = await flatOut(next, connections, 10)
  const fullRate = full.answered / 10
  const rate = Math.round(fullRate * share)
  process.stderr.write(`${contestant.name}: ${rate} per second, ${seconds} s\n`)
  const loaded = await atRate(next, rate, seconds)
  client.close()
  const { crud, list, errors } = loaded
  process.stdout.write(
    `${contestant.name}: maximum ${fullRate.toFixed(0)} requests/s; at ${rate}/s, open loop, ${seconds} s: ${told('one task and writes', crud)}; ${told('list of 1,000', list)}; errors: ${errors}\n`,
  )
  return {
    contestant: contestant.name,
    fullRate,
    rate,
    answered: loaded.answered,
    errors,
    crud: quantiles(crud),
    list: quantiles(list),
  }
}

function quantiles(times: Loaded['crud']): { p50: number; p95: number; p99: number; max: number } {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (part: number) =>
    Math.round((sorted[Math.floor(part * sorted.length)] ?? Number.NaN) * 100) / 100
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(0.999999) }
}

function told(what: string, times: readonly number[]): string {
  const { p50, p95, p99, max } = quantiles(times)
  return `${what} p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, max ${max} ms`
}
