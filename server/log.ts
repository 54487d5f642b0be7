import { createRequire } from 'node:module'
import { type Logger, pino } from 'pino'
import type { Config } from './config.ts'

export type Log = Logger

/**
 * JSON lines for machines; readable lines where a person looks at a terminal. JSON lines are collected for up to a
 * quarter of a second: a write per request costs more than reading a task. `log.flush()` before the process ends.
 */
export function createLog(level: Config['logLevel'], terminal = process.stdout.isTTY === true): Log {
  const options = { level, base: null, timestamp: timeInLine() }
  if (terminal) {
    // Here alone: it takes longer to load than pino itself, and most servers log to no terminal.
    const pretty = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty')
    return pino(options, pretty({ translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', sync: true }))
  }
  return pino(options, new Lines())
}

/** A line's time as pino writes it. What it says down to the second is made once in a second: the date costs more than the rest of the line. */
export function timeInLine(): () => string {
  let second = -1
  let toTheSecond = ''
  return () => {
    const now = Date.now()
    const past = now % 1000
    if (now - past !== second) {
      second = now - past
      toTheSecond = `,"time":"${new Date(second).toISOString().slice(0, 20)}`
    }
    return `${toTheSecond}${String(past).padStart(3, '0')}Z"`
  }
}

/**
 * Lines on their way to the standard output, some thousand characters at a time: sonic-boom (4.2, 5.0) measures all that it holds with each
 * one, which would cost more than making it.
 */
class Lines {
  readonly #destination = pino.destination({ dest: 1, sync: false, minLength: 1 })
  #text = ''

  constructor() {
    setInterval(() => this.#handOn(), 250).unref()
    // Before the destination's own, which write what it has.
    process.prependListener('beforeExit', () => this.#handOn())
    process.prependListener('exit', () => this.#handOn())
  }

  write(line: string): void {
    this.#text += line
    if (this.#text.length >= 16 * 1024) this.#handOn()
  }

  flush(done: (error?: Error) => void): void {
    this.#handOn()
    this.#destination.flush(done)
  }

  #handOn(): void {
    if (this.#text !== '') this.#destination.write(this.#text)
    this.#text = ''
  }
}
