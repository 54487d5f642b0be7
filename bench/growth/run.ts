import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { stage } from '../http/contestants.ts'
import { untilDone } from '../http/interruption.ts'
import { circumstances, writeDated } from '../http/result.ts'
import { readAsOneListGrows } from './one-list.ts'
import { pictures } from './pictures.ts'
import { addReplicas } from './replicas.ts'
import { readAsRowsGrow } from './rows.ts'
import { tables } from './tables.ts'
import { writeAgainAndAgain } from './writes.ts'

const help = `Usage: npm run bench growth -- [--small] [--only PART] [--write-rate N]

Growth of Duly on PostgreSQL: the table from 1,000 rows to a million; one list from 100 tasks to 100,000;
from one replica to eight; and 200,000 writes of one user. It takes about ten minutes.

  --small         a tenth of everything, as a check of the benchmark; writes no files
  --only PART     one of: rows; lists; writes; replicas. Writes no files
  --write-rate N  writes per second; 100 is what RATE_LIMIT allows one user, and takes half an hour

Writes bench/results/growth-DATE.json and pictures in docs/performance/.`

const parts = ['rows', 'lists', 'writes', 'replicas'] as const
type Part = (typeof parts)[number]

await untilDone(async () => {
  const { values } = parseArgs({
    options: {
      small: { type: 'boolean' },
      only: { type: 'string' },
      'write-rate': { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  if (values.only !== undefined && !parts.some(part => part === values.only))
    throw new Error(`--only must be one of: ${parts.join('; ')}.`)
  if (values['write-rate'] !== undefined && !(Number(values['write-rate']) > 0))
    throw new Error('--write-rate must be a number of writes per second.')
  const { open, close } = stage(['duly'])
  const work = async () => {
    const field = await open()
    const [duly] = field.contestants
    if (!duly) throw new Error('Duly did not start.')
    const client = new pg.Client({ connectionString: field.databaseUrl })
    // The finally clause stops the server after a failure; the first error is reported.
    client.on('error', () => {})
    await client.connect()
    const upTo = (...steps: number[]) => (values.small ? steps.slice(0, 2) : steps)
    const steps = values.small ? [0, 2000] : [0, 25_000, 50_000, 100_000, 150_000, 200_000]
    const rate = values['write-rate'] === undefined ? undefined : Number(values['write-rate'])
    const asked = async <T>(part: Part, look: () => Promise<T[]>) =>
      values.only === undefined || values.only === part ? look() : []
    const found = {
      rows: await asked('rows', () =>
        readAsRowsGrow(duly, field, client, upTo(1000, 10_000, 100_000, 1_000_000)),
      ),
      lists: await asked('lists', () =>
        readAsOneListGrows(duly, field, client, upTo(100, 1000, 10_000, 100_000)),
      ),
      writes: await asked('writes', () => writeAgainAndAgain(duly, field, client, steps, rate)),
      replicas: await asked('replicas', () => addReplicas(duly, field, upTo(1, 2, 4, 8))),
    }
    await client.end()
    process.stdout.write(tables(found))
    if (values.small || values.only !== undefined) return
    const results = new URL('../../../bench/results/', import.meta.url)
    const name = writeDated(results, 'growth', { ...circumstances(field.postgresVersion), ...found })
    const folder = new URL('../../../docs/performance/', import.meta.url)
    mkdirSync(folder, { recursive: true })
    for (const [file, picture] of Object.entries(pictures(found)))
      writeFileSync(new URL(file, folder), picture)
    process.stderr.write(`written: bench/results/${name}, docs/performance/*.svg\n`)
  }
  return { work, close }
})
