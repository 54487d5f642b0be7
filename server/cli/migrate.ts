import { environment, readConfig } from '../config.ts'
import { connect } from '../db/connect.ts'
import type { Database } from '../db/database.ts'
import { migrateDown, migrateUp, migrationStatus } from '../db/migrate.ts'
import { migrations } from '../db/migrations.ts'
import { exit, StartError } from '../errors.ts'
import { createLog } from '../log.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'

const help = `Usage: duly migrate status | up | down [--to N] [--force]

  status     what has been applied, and what is pending
  up         apply what is pending (duly start does so by itself)
  down       take the newest one back, or all down to number N
    --to N     the number of the last one that stays; 0 for none
    --force    go back before the first one even if tasks are lost by it`

export const migrateCommand: Command = {
  help,
  async run(args) {
    const { values, positionals } = readArguments(
      args,
      { to: { type: 'string' }, force: { type: 'boolean' } },
      true,
    )
    const [verb, ...more] = positionals
    const known = more.length === 0 && verb !== undefined && Object.hasOwn(verbs, verb)
    const work = known ? verbs[verb] : undefined
    if (!work) throw new StartError('Say duly migrate status, up or down.', exit.usage)
    if (verb !== 'down' && (values.to !== undefined || values.force)) {
      throw new StartError('--to and --force go with duly migrate down.', exit.usage)
    }
    const config = readConfig(environment())
    const { db } = await connect(config, createLog('warn'))
    try {
      for (const line of await work(db, values.to, values.force === true)) process.stdout.write(`${line}\n`)
    } finally {
      await db.close()
    }
  },
}

type Verb = (db: Database, to: string | undefined, force: boolean) => Promise<string[]>

const verbs: Readonly<Record<string, Verb>> = {
  async status(db) {
    const applied = await migrationStatus(db)
    const pending = migrations.slice(applied.length)
    return [
      ...applied.map(({ id, name, appliedAt }) => `${id}  applied ${appliedAt}  ${name}`),
      ...pending.map(({ name }, index) => `${applied.length + index + 1}  pending  ${name}`),
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
    if (to !== undefined && !(/^\d{1,6}$/.test(to) && Number(to) <= length)) {
      throw new StartError(`--to must be a number from 0 to ${length}.`, exit.usage)
    }
    const target = to === undefined ? Math.max(0, length - 1) : Number(to)
    const names = await migrateDown(db, target, { force })
    return names.length > 0 ? names.map(name => `taken back: ${name}`) : ['Nothing to do.']
  },
}
