import { createInterface } from 'node:readline/promises'
import type { Config } from '../config/config.ts'
import { connect } from '../db/connect.ts'
import type { Database } from '../db/database.ts'
import { migrateDown, migrateUp } from '../db/migrate.ts'
import { migrationStatus } from '../db/migration-status.ts'
import { migrations } from '../db/migrations.ts'
import { exit, StartError } from '../errors.ts'
import { createLog } from '../log.ts'
import { misused, readArguments, readVerb } from './arguments.ts'
import type { Command } from './command.ts'
import { hasDatabase, requireDatabase } from './existing.ts'
import { commandConfig } from './settings.ts'

const help = `Usage: duly migrate status | up | down [OPTIONS]

Shows or changes the version of the database schema.

  status     list the applied and the pending migrations
  up         apply the pending migrations, as duly start does; creates the embedded database if it does not exist
  down       revert the newest migration, or all after number N; stop the servers first
    --to N     number of the last migration to keep; 0 reverts all
    --yes      do not ask for confirmation
    --force    revert the first migration even if that deletes tasks
    --ignore-connections
               do not check for connected servers: a pooler may keep their connections open after they stop`

const flags = {
  to: { type: 'string' },
  yes: { type: 'boolean' },
  force: { type: 'boolean' },
  'ignore-connections': { type: 'boolean' },
} as const
type Flags = ReturnType<typeof readArguments<typeof flags>>['values']

export const migrateCommand: Command = {
  help,
  async run(args) {
    const { values, positionals } = readArguments(args, flags, true)
    const [word, extra] = positionals
    const verb = readVerb('migrate', word, ['status', 'up', 'down'])
    if (extra !== undefined) throw misused(`Unexpected argument "${extra}".`)
    const [flag] = Object.keys(values)
    if (verb !== 'down' && flag !== undefined) {
      throw misused(`--${flag} applies to duly migrate down only.`)
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
      for (const line of await verbs[verb](db, values, config)) process.stdout.write(`${line}\n`)
    } finally {
      await db.close()
    }
  },
}

type Verb = (db: Database, flags: Flags, config: Config) => Promise<string[]>

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
  async down(db, { to, yes, force, 'ignore-connections': ignored }, { postgres }) {
    const applied = await migrationStatus(db)
    const { length } = applied
    if (to !== undefined && Number(to) > length) throw misused(`--to must be a number from 0 to ${length}.`)
    const target = to === undefined ? Math.max(0, length - 1) : Number(to)
    const undone = applied.slice(target).reverse()
    if (undone.length > 0 && yes !== true) await confirm(undone.map(({ name }) => name))
    const own = [...new Set(['duly', postgres?.applicationName ?? 'duly'])]
    const names = await migrateDown(db, target, {
      force: force === true,
      // An embedded database that a server uses could not have been opened here.
      ...(postgres ? { names: ignored ? [] : own } : {}),
    })
    return names.length > 0 ? names.map(name => `reverted: ${name}`) : ['Nothing to do.']
  },
}

/** @throws StartError unless the user confirms at a terminal */
async function confirm(names: readonly string[]): Promise<void> {
  const what = `This reverts ${names.join(', ')} and deletes the data that they added.`
  if (!process.stdin.isTTY) throw new StartError(`${what} Add --yes to confirm.`, exit.usage)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${what} Continue? (yes/no) `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new StartError('Nothing was changed.', exit.usage)
  } finally {
    terminal.close()
  }
}
