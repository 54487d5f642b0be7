import { resolve } from 'node:path'
import { checkBackup } from '../backup/read.ts'
import { readArguments, readWord } from './arguments.ts'
import type { Command } from './command.ts'
import { describeContents } from './contents.ts'
import { nextSteps } from './next-steps.ts'
import { restoreInto } from './restore-into.ts'
import { commandConfig } from './settings.ts'

const help = `Usage: duly restore FILE [--replace]

Restores a file that "duly backup" wrote, into DATA_DIR or into the PostgreSQL of DATABASE_URL, as a whole or
not at all. Every row is read back and compared with FILE. Stop the server first.

  FILE       the backup to restore
  --replace  set existing data aside instead of failing`

export const restoreCommand: Command = {
  help,
  async run(args) {
    const { values, positionals } = readArguments(args, { replace: { type: 'boolean' } }, true)
    const name = readWord(positionals, 'FILE')
    const config = commandConfig()
    const file = resolve(name)
    const backup = await checkBackup(file)
    const done = await restoreInto(config, {
      ...{ file, backup, replace: values.replace === true },
      isEarlier: true,
    })
    const { madeAt } = backup.header
    const kept = `the first line of the backup (gunzip -c ${name} | head -n 1)`
    const lines = [
      `Restored the backup of ${madeAt}: ${describeContents(backup.contents)}. Every row was verified.`,
    ]
    process.stdout.write(`${[...lines, ...nextSteps(config, backup, done, kept)].join('\n')}\n`)
  },
}
