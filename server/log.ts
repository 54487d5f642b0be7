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

export type InfoFields = Readonly<Record<string, string | number | undefined>>

/**
 * Writes lines as `log.info(fields, message)` does, in half the time, for what is logged with every request: pino makes a line of a
 * field at a time, `JSON.stringify` of all of them. There is one at least that is not undefined; those that are are left out.
 */
export function infoLines(log: Log, message: string): (fields: InfoFields) => void {
  // Where pino keeps what it was made with.
  const { [pino.symbols.streamSym]: lines, [pino.symbols.timeSym]: time } = log as unknown as {
    readonly [pino.symbols.streamSym]: pino.DestinationStream
    readonly [pino.symbols.timeSym]: () => string
  }
  const start = `{"level":${pino.levels.values.info}`
  const end = `,"msg":${JSON.stringify(message)}}\n`
  return fields => {
    if (!log.isLevelEnabled('info')) return
    lines.write(`${start}${time()},${JSON.stringify(fields).slice(1, -1)}${end}`)
  }
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

/** Bytes that are handed on at once: each time wakes a thread that writes them, and then the one that handed them on. */
const handful = 64 * 1024

/** Lines on their way to the standard output, as bytes: sonic-boom (4.2, 5.0) measures all the text that it holds with each line. */
class Lines {
  // Its types know no bytes.
  readonly #destination = pino.destination({
    dest: 1,
    sync: false,
    minLength: 1,
    contentMode: 'buffer',
  }) as unknown as { write(bytes: Buffer): void; flush(done: (error?: Error) => void): void }
  readonly #bytes = Buffer.allocUnsafeSlow(handful)
  #length = 0

  constructor() {
    setInterval(() => this.#handOn(), 250).unref()
    // Before the destination's own, which write what it has.
    process.prependListener('beforeExit', () => this.#handOn())
    process.prependListener('exit', () => this.#handOn())
  }

  write(line: string): void {
    // A character of a text takes three bytes at most.
    if (this.#length + 3 * line.length > handful) this.#handOn()
    if (3 * line.length > handful) this.#destination.write(Buffer.from(line))
    else this.#length += this.#bytes.write(line, this.#length)
  }

  flush(done: (error?: Error) => void): void {
    this.#handOn()
    this.#destination.flush(done)
  }

  #handOn(): void {
    if (this.#length > 0) this.#destination.write(Buffer.from(this.#bytes.subarray(0, this.#length)))
    this.#length = 0
  }
}
