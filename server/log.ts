import { createRequire } from 'node:module'
import { type Logger, pino } from 'pino'
import type { Config } from './config.ts'

export type Log = Logger

/**
 * JSON lines for machines; readable lines where a person looks at a terminal. JSON lines are collected for up to a
 * quarter of a second: a write per request costs more than reading a task. `log.flush()` before the process ends.
 */
export function createLog(level: Config['logLevel'], terminal = process.stdout.isTTY === true): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (terminal) {
    // Here alone: it takes longer to load than pino itself, and most servers log to no terminal.
    const pretty = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty')
    return pino(options, pretty({ translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', sync: true }))
  }
  const destination = pino.destination({ dest: 1, sync: false, minLength: 4096 })
  setInterval(() => destination.flush(), 250).unref()
  return pino(options, destination)
}
