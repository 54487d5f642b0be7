import { connect } from '../db/connect.ts'
import type { Database } from '../db/database.ts'
import { migrateDown, migrateUp, migrationStatus } from '../db/migrate.ts'
import { migrations } from '../db/migrations.ts'
import { createLog } from '../log.ts'
import { misused, readArguments, readVerb } from './arguments.ts'
import type { Command } from './command.ts'
import { hasDatabase, requireDatabase } from './existing.ts'
import { commandConfig } from './settings.ts'

const help = `Usage: duly migrate status | up | down [--to N] [--force]

  status     list the migrations that are applied and those that are pending
  up         apply the pending migrations, as duly start does; creates an embedded database that does not exist
  down       undo the newest migration, or all of them down to number N
    --to N     number of the last migration to keep; 0 for none
    --force    undo the first migration too, even if tasks are lost`

export const migrateCommand: Command = {
  help,
  async run(args) {
    const { values, positionals } = readArguments(
      args,
      { to: { type: 'string' }, force: { type: 'boolean' } },
      true,
    )
    const [word, extra] = positionals
    const verb = readVerb('migrate', word, ['status', 'up', 'down'])
    if (extra !== undefined) throw misused(`Unexpected argument "${extra}".`)
    if (verb !== 'down' && (values.to !== undefined || values.force)) {
      throw misused('--to and --force apply to duly migrate down only.')
    }
    if (values.to !== undefined && !isNumberOfMigration(values.to)) {
      throw misused(`--to must be a number from 0 to ${migrations.length}.`)
    }
    const config = commandConfig()
    if (verb === 'status' && !hasDatabase(config)) {
      process.stderr.write(`There is no database in "${config.dataDir}" yet.\n`)
      process.stdout.write(
        pendingAfter(0)
          .map(line => `${line}\n`)
          .join(''),
      )
      return
    }
    if (verb !== 'up') requireDatabase(config)
    const { db } = await connect(config, createLog('warn'))
    try {
      for (const line of await verbs[verb](db, values.to, values.force === true))
        process.stdout.write(`${line}\n`)
    } finally {
      await db.close()
    }
  },
}

type Verb = (db: Database, to: string | undefined, force: boolean) => Promise<string[]>

function isNumberOfMigration(text: string): boolean {
  return /^\d{1,6}$/.test(text) && Number(text) <= migrations.length
}

function pendingAfter(applied: number): string[] {
  return migrations.slice(applied).map(({ name }, index) => `${applied + index + 1}  pending  ${name}`)
}

const verbs: Readonly<Record<'status' | 'up' | 'down', Verb>> = {
  async status(db) {
    const applied = await migrationStatus(db)
    return [
      ...applied.map(({ id, name, appliedAt }) => `${id}  applied ${appliedAt}  ${name}`),
      ...pendingAfter(applied.length),
    ]
  },
  async up(db) {
    const names = await migrateUp(db)
    return names.length > 0
      ? names.map(name => `applied: ${name}`)
      : ['Nothing to do: the database is up to date.']
  },
  async down(db, to, force) {
    const { length } = await migrationStatus(db)
    if (to !== undefined && Number(to) > length) throw misused(`--to must be a number from 0 to ${length}.`)
    const target = to === undefined ? Math.max(0, length - 1) : Number(to)
    const names = await migrateDown(db, target, { force })
    return names.length > 0 ? names.map(name => `taken back: ${name}`) : ['Nothing to do.']
  },
}
