import { parseArgs } from 'node:util'
import pg from 'pg'
import { parseDatabaseUrl } from '../../server/db/database-url.ts'
import { migrateUp } from '../../server/db/migrate.ts'
import { connectPostgres } from '../../server/db/postgres.ts'
import { RowsQuery } from '../../server/db/rows-query.ts'
import { createLog } from '../../server/log.ts'
import { get } from '../../server/tasks/statements.ts'
import { startPostgres } from '../../test/postgres-server.ts'
import { fill } from '../growth/fill.ts'
import { untilDone } from '../http/interruption.ts'
import { cpuMicroseconds } from '../http/process-cost.ts'

const help = `Usage: npm run bench row-security -- [--rounds N]

The cost of row-level security: PostgreSQL shows a statement only the rows of one owner, whom the program sets before each
statement, in the same round trip and transaction (set_config). Compared with the same statements without it.

  --rounds N    (default 9)`

const owners = 1000
const tasks = 100_000
const inFlight = 32
const perRound = 8000
const role = 'duly_without_bypass'
const tables = ['owners', 'tasks', 'search']

/** A statement as the driver sends it, after one that sets the owner for the transaction. */
class GuardedQuery extends RowsQuery {
  override prepare(wire: Parameters<RowsQuery['prepare']>[0]): void {
    const name = 'name_owner'
    if (!wire.parsedStatements[name] && !wire.submittedNamedStatements[name]) {
      const text = "select set_config('duly.owner', $1, true)"
      wire.parse({ text, name })
      wire.submittedNamedStatements[name] = text
    }
    wire.bind({ portal: '', statement: name, values: [this.values[0]] })
    wire.execute({ portal: '', rows: 0 })
    super.prepare(wire)
  }
}

await untilDone(async () => {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '9' }, help: { type: 'boolean' } },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  const postgres = await startPostgres()
  const work = async () => {
    const parsed = parseDatabaseUrl(postgres.url, false)
    if (!('address' in parsed)) throw new Error(parsed.problem)
    const db = await connectPostgres({ address: parsed.address, pool: 1, log: createLog('silent') })
    await migrateUp(db)
    await db.close()
    const admin = new pg.Client({ connectionString: postgres.url })
    admin.on('error', () => {})
    await admin.connect()
    await fill(admin, 'owner-', owners, tasks)
    await admin.query(`create role ${role} login`)
    await admin.query(`grant usage on schema duly to ${role}`)
    await admin.query(`grant all on all tables in schema duly to ${role}`)
    const { rows } = await admin.query<{ user_id: string; id: string }>(
      'select user_id, id from duly.tasks order by hashint8(id) limit 5000',
    )
    const client = await connectAs(postgres.url)
    const guard = async (on: boolean) => {
      for (const table of tables) {
        const owner = table === 'owners' ? 'id' : 'user_id'
        await admin.query(`drop policy if exists own on duly.${table}`)
        if (on)
          await admin.query(
            `create policy own on duly.${table} using (${owner} = current_setting('duly.owner'))`,
          )
        await admin.query(`alter table duly.${table} ${on ? 'enable' : 'disable'} row level security`)
      }
    }
    const found = new Map<string, number[]>()
    for (let round = 0; round <= Number(values.rounds); round += 1) {
      for (const on of round % 2 === 0 ? [false, true] : [true, false]) {
        await guard(on)
        for (const statement of [get]) {
          const cost = await costOf(client, postgres.pid, on ? GuardedQuery : RowsQuery, statement, rows)
          const key = `${statement.name}, ${on ? 'guarded' : 'plain'}`
          // The first round warms up.
          if (round > 0) found.set(key, [...(found.get(key) ?? []), cost])
        }
      }
    }
    for (const { name } of [get]) {
      const plain = found.get(`${name}, plain`) ?? []
      const guarded = found.get(`${name}, guarded`) ?? []
      const ratio = median(guarded.map((cost, n) => cost / (plain[n] ?? Number.NaN)))
      process.stdout.write(
        `${name}: driver and PostgreSQL together ${median(plain).toFixed(1)} µs of CPU without, ${median(guarded).toFixed(1)} µs with: ${ratio.toFixed(2)}× (median of ${plain.length} rounds), ${(median(guarded) - median(plain)).toFixed(1)} µs more\n`,
      )
    }
    await client.end()
    await admin.end()
  }
  return { work, close: () => postgres.stop() }
})

async function connectAs(address: string): Promise<pg.Client> {
  const url = new URL(address)
  url.username = role
  const client = new pg.Client({ connectionString: url.toString(), pipeline: true })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** @returns microseconds of CPU per statement, in this process and in PostgreSQL's */
async function costOf(
  client: pg.Client,
  database: number,
  Query: typeof RowsQuery,
  { name, text }: typeof get,
  rows: readonly { user_id: string; id: string }[],
): Promise<number> {
  const send = (n: number) =>
    new Promise<void>((resolve, reject) => {
      const { user_id, id } = rows[n % rows.length] ?? { user_id: '', id: '' }
      const query = new Query(name, text, [user_id, id], (error, { rows: found }) => {
        if (error) reject(error)
        else if (found.at(-1)?.[0] !== id) reject(new Error(`${name} found nothing`))
        else resolve()
      })
      client.query(query as never)
    })
  const both = () => process.cpuUsage().user + process.cpuUsage().system + cpuMicroseconds(database)
  const before = both()
  let sent = 0
  const one = async () => {
    while (sent < perRound) {
      sent += 1
      await send(sent)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  return (both() - before) / perRound
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
