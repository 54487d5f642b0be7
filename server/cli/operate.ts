import { text } from 'node:stream/consumers'
import { openAccounts } from '../accounts/accounts.ts'
import { acceptedSecrets } from '../auth/secret.ts'
import { type Config, environment, readConfig } from '../config.ts'
import { connect } from '../db/connect.ts'
import { migrateUp } from '../db/migrate.ts'
import { createLog } from '../log.ts'
import type { Workplace } from '../operator/command.ts'
import { commands } from '../operator/commands.ts'
import { ask } from '../operator/control.ts'
import { keysHelp } from '../operator/keys.ts'
import { userHelp } from '../operator/user.ts'
import type { Command } from './command.ts'

export const userCommand = operatorCommand('user', userHelp)
export const keysCommand = operatorCommand('keys', keysHelp)

/** A command on a database that a running server may have for itself: it is asked then, else this process opens it. */
function operatorCommand(name: 'user' | 'keys', help: string): Command {
  return {
    help,
    async run(args) {
      const config = readConfig(environment())
      const input = args.includes('--password-stdin') ? await text(process.stdin) : ''
      const asked = config.postgres ? undefined : ask(config.dataDir, { command: name, args, input })
      if (asked && (await print(asked))) return
      await here(config, place => print(commands[name].run(place, args, input)))
    },
  }
}

async function here(config: Config, work: (place: Workplace) => Promise<unknown>): Promise<void> {
  const log = createLog('warn')
  const { db } = await connect(config, log)
  try {
    await migrateUp(db)
    const secrets = acceptedSecrets(config)
    const publicUrl = () => config.publicUrl ?? new URL(`http://localhost:${config.port}`)
    const accounts = await openAccounts({ config, db, log, secrets, publicUrl })
    await work({ db, accounts, secrets, dataDir: config.dataDir })
    await accounts?.close()
  } finally {
    await db.close()
  }
}

/** @returns what the generator returns */
async function print<T>(lines: AsyncIterable<string> | AsyncGenerator<string, T>): Promise<T | undefined> {
  const iterator = lines[Symbol.asyncIterator]()
  for (;;) {
    const { done, value } = await iterator.next()
    if (done) return value as T | undefined
    process.stdout.write(`${value}\n`)
  }
}
