import { resolve } from 'node:path'
import { checkBackup } from '../backup/read.ts'
import { environment, readConfig } from '../config.ts'
import { exit, StartError } from '../errors.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { describeContents } from './contents.ts'
import { putBack } from './put-back.ts'
import { whatToDo } from './what-to-do.ts'

const help = `Usage: duly restore FILE [--replace]

Brings back what duly backup has written, into DATA_DIR, or into the PostgreSQL that DATABASE_URL names: all of
it, or nothing. Every row is read again and compared with FILE. Stop the server first.

  --replace  where there is data already, put it aside instead of refusing`

export const restoreCommand: Command = {
  help,
  async run(args) {
    const { values, positionals } = readArguments(args, { replace: { type: 'boolean' } }, true)
    const [name, ...more] = positionals
    if (name === undefined || more.length > 0)
      throw new StartError('Say which file: duly restore FILE', exit.usage)
    const config = readConfig(environment())
    const file = resolve(name)
    const backup = await checkBackup(file)
    const done = await putBack(config, { file, backup, replace: values.replace === true })
    const { madeAt } = backup.header
    const kept = `the first line of the backup (gunzip -c ${name} | head -n 1)`
    const lines = [`Restored from ${madeAt}: ${describeContents(backup.contents)}. Every row was compared.`]
    process.stdout.write(`${[...lines, ...whatToDo(config, backup, done, kept)].join('\n')}\n`)
  },
}
