import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { openAccounts } from '../accounts/accounts.ts'
import { secretsThere } from '../auth/secret.ts'
import type { Config } from '../config/config.ts'
import { connect } from '../db/connect.ts'
import { requireMigrated } from '../db/migration-status.ts'
import { createLog } from '../log.ts'
import type { OperatorContext } from '../operator/command.ts'
import { commands } from '../operator/commands.ts'
import { ask } from '../operator/control.ts'
import { keysHelp } from '../operator/keys.ts'
import { userHelp } from '../operator/user.ts'
import { webhooksHelp } from '../operator/webhooks.ts'
import type { Command } from './command.ts'
import { requireDatabase } from './existing.ts'
import { commandConfig } from './settings.ts'

export const userCommand = operatorCommand('user', userHelp)
export const keysCommand = operatorCommand('keys', keysHelp)
export const webhooksCommand = operatorCommand('webhooks', webhooksHelp)

/** Runs it in the server that has the embedded database open; else opens the database here. */
function operatorCommand(name: 'user' | 'keys' | 'webhooks', help: string): Command {
  return {
    help,
    async run(args) {
      const { check, run } = commands[name]
      check(args)
      const config = commandConfig()
      const input = args.includes('--password-stdin') ? await readSecretLine('Password: ') : ''
      check(args, input)
      const asked = config.postgres ? undefined : ask(config.dataDir, { command: name, args, input })
      if (asked && (await print(asked))) return
      requireDatabase(config)
      await here(config, place => print(run(place, args, input)))
    },
  }
}

/**
 * The first line of standard input. Does not wait for the end of the input: at a terminal, that
 * takes Ctrl-D. There, the prompt is shown, and what is typed is not.
 */
async function readSecretLine(prompt: string): Promise<string> {
  const input = process.stdin
  if (input.isTTY) process.stderr.write(prompt)
  const lines = input.isTTY
    ? createInterface({ input, output: new PassThrough().resume(), terminal: true })
    : createInterface(input)
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  for await (const line of lines) {
    if (input.isTTY) process.stderr.write('\n')
    return line
  }
  return ''
}

async function here(config: Config, work: (place: OperatorContext) => Promise<unknown>): Promise<void> {
  const log = createLog('warn')
  const { db } = await connect(config, log)
  try {
    await requireMigrated(db)
    const secrets = secretsThere(config)
    const publicUrl = () => config.publicUrl ?? new URL(`http://localhost:${config.port}`)
    const accounts = openAccounts({ config, db, log, secrets, publicUrl })
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
