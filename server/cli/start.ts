import { createSecretKey } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { signHmac } from '../auth/jwt.ts'
import { environment, readConfig, settings } from '../config.ts'
import { createLog, type Log } from '../log.ts'
import { type Server, startServer } from '../main.ts'
import { typed } from '../version.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'

const help = `Usage: duly [start] [--host ADDRESS] [--port PORT] [--data-dir FOLDER]

Serves the tasks over HTTP until it is told to stop (Ctrl-C, SIGTERM).
A flag goes before the setting of the same name. Settings are read from the
environment, then from a .env file in the current folder:

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
    const env = environment({ HOST: values.host, PORT: values.port, DATA_DIR: values['data-dir'] })
    const config = readConfig(env)
    const log = createLog(config.logLevel)
    const server = await startServer(config, log)
    if (server.firstStart && server.secret !== undefined) welcome(server, server.secret)
    stopOnSignal(server, config.shutdownGrace, log)
  },
}

function welcome({ url, databaseLabel }: Server, secret: string): void {
  const hour = Math.floor(Date.now() / 1000) + 3600
  const token = signHmac({ sub: 'alice', exp: hour }, createSecretKey(Buffer.from(secret)))
  process.stdout.write(`
Duly listens on ${url}
The tasks are in the ${databaseLabel}
A first task for alice, with a token that is good for an hour:

curl ${url}/api/tasks -H 'Content-Type: application/json' -d '{"title":"Say hello"}' -H 'Authorization: Bearer ${token}'

A new token at any time: ${typed} token --user alice
Or sign up and try every call on a page: ${url}/docs

`)
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
