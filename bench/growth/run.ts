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

const help = `Usage: npm run bench growth -- [--small]

What becomes of Duly on PostgreSQL as it grows: the table from 1,000 rows to a million; one list from 100 tasks to 100,000;
from one replica to eight; and 200,000 writes of one person. It takes about ten minutes.

  --small             a tenth of everything, to see that it works; writes nothing
  --write-rate N      only the 200,000 writes, at N a second: at 100, as many as RATE_LIMIT allows one person, half an hour;
                      writes nothing

Writes bench/results/growth-DATE.json and pictures in docs/performance/.`

await untilDone(async () => {
  const { values } = parseArgs({
    options: { small: { type: 'boolean' }, 'write-rate': { type: 'string' }, help: { type: 'boolean' } },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  const { open, close } = stage(['duly'])
  const work = async () => {
    const field = await open()
    const [duly] = field.contestants
    if (!duly) throw new Error('Duly did not start.')
    const client = new pg.Client({ connectionString: field.databaseUrl })
    // The server that it leads to is stopped where something fails; what failed first is told.
    client.on('error', () => {})
    await client.connect()
    const upTo = (...steps: number[]) => (values.small ? steps.slice(0, 2) : steps)
    const steps = values.small ? [0, 2000] : [0, 25_000, 50_000, 100_000, 150_000, 200_000]
    if (values['write-rate'] !== undefined) {
      const rate = Number(values['write-rate'])
      const writes = await writeAgainAndAgain(duly, field, client, steps, rate)
      await client.end()
      process.stdout.write(tables({ rows: [], lists: [], replicas: [], writes }))
      return
    }
    const found = {
      rows: await readAsRowsGrow(duly, field, client, upTo(1000, 10_000, 100_000, 1_000_000)),
      lists: await readAsOneListGrows(duly, field, client, upTo(100, 1000, 10_000, 100_000)),
      writes: await writeAgainAndAgain(duly, field, client, steps),
      replicas: await addReplicas(duly, field, upTo(1, 2, 4, 8)),
    }
    await client.end()
    process.stdout.write(tables(found))
    if (values.small) return
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
