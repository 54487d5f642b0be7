import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { readConfig } from '../config/config.ts'
import { isInEnvironment, readEnv } from '../config/environment.ts'
import { settings } from '../config/settings.ts'
import { createLog, type Log } from '../log.ts'
import { type Server, startServer } from '../main.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { typed } from './typed.ts'
import { firstCall, welcome } from './welcome.ts'

const help = `Usage: duly [start] [--host ADDRESS] [--port PORT] [--data-dir FOLDER]

Serves the API over HTTP until it is stopped (Ctrl-C, SIGTERM). Options take
precedence over the settings of the same name. Settings are read from the
environment, then from .env in the current directory, or from the file that
ENV_FILE names:

${settings.map(describe).join('\n')}`

function describe({ name, aliases, fallback, meaning }: (typeof settings)[number]): string {
  const also = aliases.length > 0 ? ` (or ${aliases.join(', ')})` : ''
  return `  ${name}${also}\n      ${meaning} Default: ${fallback}.`
}

/** How long closing may take: requests end or are cut within 5 s, the database's files are closed. */
const closeMs = 7000
// npm hands the Ctrl-C that the terminal has already delivered on once more: only a later one is a second one.
const impatientMs = 1000

export const startCommand: Command = {
  help,
  async run(args) {
    const { values } = readArguments(args, {
      host: { type: 'string' },
      port: { type: 'string' },
      'data-dir': { type: 'string' },
    })
    const notes: string[] = []
    const flags = { HOST: values.host, PORT: values.port, DATA_DIR: values['data-dir'] }
    const env = readEnv(flags, notes)
    const config = readConfig(env, notes)
    const log = createLog(config.logLevel)
    const server = await startServer(config, log)
    const command = typed(env.PATH ?? '', {
      ...(values['data-dir'] !== undefined || isInEnvironment('DATA_DIR')
        ? { DATA_DIR: config.dataDir }
        : {}),
      ...(isInEnvironment('ENV_FILE') ? { ENV_FILE: resolve(String(env.ENV_FILE)) } : {}),
    })
    const text = welcome(server, {
      command,
      needsSecret: isInEnvironment('BETTER_AUTH_SECRET', 'JWT_SECRET_KEY', 'JWT_SECRET', 'SECRET_KEY'),
      accounts: config.accounts,
      publicUrl: config.publicUrl,
    })
    const first = server.firstStart ? firstCall(server, config.userClaim) : ''
    if (process.stdout.isTTY) process.stdout.write(text + first)
    // Elsewhere the standard output has JSON lines only.
    else if (first !== '') process.stderr.write(text + first)
    stopOnSignal(server, config.shutdownGrace, log)
  },
}

/**
 * SIGTERM comes from what runs several of these behind a proxy: for the grace all is served as before, so that the proxy can see
 * `/readyz` and turn elsewhere. At a Ctrl-C (SIGINT) nobody waits for that.
 */
function stopOnSignal(server: Server, grace: number, log: Log): void {
  let askedAt: number | undefined
  const stop = async (signal: NodeJS.Signals) => {
    if (askedAt !== undefined) {
      if (Date.now() - askedAt > impatientMs) process.exit(1)
      return
    }
    askedAt = Date.now()
    log.info({ signal }, 'stopping: requests in flight end first')
    server.announceStop()
    if (signal === 'SIGTERM') await pause(grace * 1000)
    const tooLong = setTimeout(() => {
      log.error(`stopping did not end within ${closeMs / 1000} s; what was acknowledged is stored`)
      log.flush(() => process.exit(0))
    }, closeMs)
    try {
      await server.close()
      clearTimeout(tooLong)
      log.info('stopped')
      log.flush(() => process.exit(0))
    } catch (error) {
      log.fatal({ err: error }, 'stopping failed')
      log.flush(() => process.exit(1))
    }
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}
