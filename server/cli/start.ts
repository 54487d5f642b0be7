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
precedence over the settings of the same name. Settings come from the
environment, then from .env in the current directory or the file that
ENV_FILE names:

${settings.map(describe).join('\n')}`

function describe({ name, aliases, fallback, meaning }: (typeof settings)[number]): string {
  const also = aliases.length > 0 ? ` (or ${aliases.join(', ')})` : ''
  return `  ${name}${also}\n      ${meaning} Default: ${fallback}.`
}

/** Limit for closing: requests end or are cut off within 5 s, then the database is closed. */
const closeMs = 7000
// npm repeats the Ctrl-C of the terminal: only a later one counts as a second one.
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
      web: config.web && config.accounts,
      publicUrl: config.publicUrl,
    })
    const first = server.firstStart ? firstCall(server, config.userClaim) : ''
    if (process.stdout.isTTY) process.stdout.write(text + first)
    // Elsewhere, standard output contains only JSON lines.
    else if (first !== '') process.stderr.write(text + first)
    stopOnSignal(server, config.shutdownGrace, log)
  },
}

/**
 * After SIGTERM, requests are served for the grace period, so that a proxy can see `/readyz` fail
 * and use another replica. Ctrl-C (SIGINT) has no grace period.
 */
function stopOnSignal(server: Server, grace: number, log: Log): void {
  let askedAt: number | undefined
  const stop = async (signal: NodeJS.Signals) => {
    if (askedAt !== undefined) {
      if (Date.now() - askedAt > impatientMs) process.exit(1)
      return
    }
    askedAt = Date.now()
    log.info({ signal }, 'stopping: waiting for requests in progress')
    server.announceStop()
    if (signal === 'SIGTERM') await pause(grace * 1000)
    const tooLong = setTimeout(() => {
      log.error(`did not stop within ${closeMs / 1000} s; exiting. Acknowledged writes are stored`)
      log.flush(() => process.exit(0))
    }, closeMs)
    try {
      await server.close()
      clearTimeout(tooLong)
      log.info('stopped')
      log.flush(() => process.exit(0))
    } catch (error) {
      log.fatal({ err: error }, 'failed to stop cleanly')
      log.flush(() => process.exit(1))
    }
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}
