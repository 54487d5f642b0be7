import { parseArgs } from 'node:util'
import pg from 'pg'
import { fill } from '../growth/fill.ts'
import { stage } from '../http/contestants.ts'
import { untilDone } from '../http/interruption.ts'
import { addPeople } from './people.ts'
import { entries, type Written, write } from './writes.ts'

const help = `Usage: npm run bench size -- [--tasks N] [--only TEXT]

How much room things take in PostgreSQL: bytes of a row and of its place in each index, for tasks, owners, people,
sessions and kept answers; and the write-ahead log and the CPU time of each kind of write, also of a batch. docs/scaling.md reckons with them.

  --tasks N    over N/100 owners (default 100000)
  --only TEXT  only writes whose name contains it
  --at-once N  writes that are sent at once, which share commits (default 20)`

await untilDone(async () => {
  const { values } = parseArgs({
    options: {
      tasks: { type: 'string', default: '100000' },
      only: { type: 'string', default: '' },
      'at-once': { type: 'string', default: '20' },
      help: { type: 'boolean' },
    },
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
    client.on('error', () => {})
    await client.connect()
    const tasks = Number(values.tasks)
    // User ids as long as those of accounts.
    await fill(client, 'x'.repeat(27), Math.ceil(tasks / 100), tasks)
    await addPeople(client, duly.url, Math.ceil(tasks / 100))
    const sizes = await sizesOf(client, ['tasks', 'owners', 'user', 'account', 'session'])
    const written = await write(client, duly, field.people, {
      only: values.only,
      atOnce: Number(values['at-once']),
    })
    const kept = await sizesOf(client, ['changes', 'keys'])
    const { log, database } = await entries(client, duly.database)
    const entry = `An entry of the change log takes ${database.toFixed(1)} µs of PostgreSQL and ${log.toFixed(0)} bytes of its log.`
    process.stdout.write(`${lines([...sizes, ...kept])}\n\n${walLines(written)}\n\n${entry}\n`)
    await client.end()
  }
  return { work, close }
})

interface Size {
  readonly name: string
  readonly rows: number
  readonly bytes: number
}

/** The sizes of each table's rows and indexes. */
async function sizesOf(client: pg.Client, tables: readonly string[]): Promise<Size[]> {
  const found: Size[] = []
  for (const table of tables) {
    await client.query(`vacuum analyze duly."${table}"`)
    const { rows } = await client.query<{ name: string; rows: string; bytes: string }>(
      `select relname as name, (select count(*) from duly."${table}") as rows, pg_table_size(oid) as bytes
      from pg_class where oid in (
        select 'duly."${table}"'::regclass
        union all select indexrelid from pg_index where indrelid = 'duly."${table}"'::regclass
      ) order by relkind desc, relname`,
    )
    found.push(...rows.map(row => ({ name: row.name, rows: Number(row.rows), bytes: Number(row.bytes) })))
  }
  return found
}

function lines(sizes: readonly Size[]): string {
  const cells = sizes.map(({ name, rows, bytes }) => [name, String(rows), (bytes / rows).toFixed(0)])
  return table([['table or index', 'rows', 'bytes a row'], ...cells])
}

function walLines(written: readonly Written[]): string {
  const cells = written.map(({ name, ...numbers }) => [
    name,
    ...[numbers.log, numbers.withPages, numbers.server, numbers.database].map(number => number.toFixed(0)),
  ])
  return table([['write', 'log, bytes', 'with full pages', 'server, µs', 'PostgreSQL, µs'], ...cells])
}

function table(rows: readonly (readonly string[])[]): string {
  return rows
    .map(([name = '', ...numbers]) => name.padEnd(34) + numbers.map(cell => cell.padStart(16)).join(''))
    .join('\n')
}
