import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, readConfig } from '../config/config.ts'
import { readEnv } from '../config/environment.ts'
import { misused, readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { describeContents, listContents } from './contents.ts'
import { nextSteps } from './next-steps.ts'
import { restoreInto } from './restore-into.ts'
import { commandConfig } from './settings.ts'
import { takeBackup } from './take-backup.ts'

const help = `Usage: duly copy --to PLACE [--from PLACE] [--replace]

Copies a whole database, with every id: from the embedded database to PostgreSQL, or back. The copy is a
snapshot. Stop the server first: the copy does not include later writes.

  --to PLACE    a directory, for an embedded database; a postgres://… URL; or env:NAME to read the URL from the
                environment variable NAME (other users of this machine can see command lines)
  --from PLACE  the same (default: the database of DATABASE_URL or DATA_DIR)
  --replace     set existing data at --to aside instead of failing`

export const copyCommand: Command = {
  help,
  async run(args) {
    const { values } = readArguments(args, {
      to: { type: 'string' },
      from: { type: 'string' },
      replace: { type: 'boolean' },
    })
    if (values.to === undefined)
      throw misused('--to is missing: name a directory, a postgres://… URL or env:NAME.')
    const target = readPlace('--to', values.to)
    const source = values.from === undefined ? commandConfig() : readPlace('--from', values.from)
    const folder = mkdtempSync(join(tmpdir(), 'duly-'))
    const file = join(folder, 'backup')
    try {
      const backup = await takeBackup(source, file)
      const done = await restoreInto(target, { file, backup, replace: values.replace === true })
      const lines = [
        `Copied the snapshot of ${backup.header.madeAt} to ${labelOf(target)}: ${describeContents(backup.contents)}.`,
        'Verified every table (rows, checksum):',
        ...listContents(backup.contents),
        ...nextSteps(target, backup, done, join(source.dataDir, 'secret')),
      ]
      process.stdout.write(`${lines.join('\n')}\n`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

function readPlace(flag: string, said: string): Config {
  const env = readEnv()
  const name = /^env:(\w+)$/.exec(said)?.[1]
  const place = name === undefined ? said : env[name]
  if (place === undefined) throw misused(`${flag}: the environment variable "${name}" is not set.`)
  const isUrl = /^\w+:\/\//.test(place)
  return readConfig({
    ...env,
    ...(isUrl ? { DATABASE_URL: place } : { DATABASE_URL: undefined, DATA_DIR: place }),
  })
}

function labelOf({ postgres, dataDir }: Config): string {
  return postgres ? `PostgreSQL at ${postgres.label}` : dataDir
}
