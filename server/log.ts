import { createRequire } from 'node:module'
import { type Logger, pino } from 'pino'
import type { Config } from './config/config.ts'

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

/** Bytes that are kept for a reader who does not read: some 60,000 requests. */
const mostKept = 16 * 1024 * 1024

/** What pino's types do not say of where it writes to. */
interface BytesDestination {
  write(bytes: Buffer): void
  on(event: 'drop', told: () => void): void
  flush(done: (error?: Error) => void): void
}

/**
 * Lines on their way to the standard output, as bytes: sonic-boom (4.2, 5.0) measures all the text that it holds with each line.
 * Where nobody reads them, those that come once `mostKept` are waiting are lost, rather than the process by its memory; in their place
 * a line tells how many.
 */
class Lines {
  readonly #destination = pino.destination({
    dest: 1,
    sync: false,
    minLength: 1,
    maxLength: mostKept,
    contentMode: 'buffer',
  }) as unknown as BytesDestination
  readonly #bytes = Buffer.allocUnsafeSlow(handful)
  readonly #time = timeInLine()
  #length = 0
  #isFull = false
  #lost = 0

  constructor() {
    this.#destination.on('drop', () => {
      this.#isFull = true
    })
    setInterval(() => this.#handOn(), 250).unref()
    // Before the destination's own, which write what it has.
    process.prependListener('beforeExit', () => this.#handOn())
    process.prependListener('exit', () => this.#handOn())
  }

  write(line: string): void {
    // A character of a text takes three bytes at most.
    if (this.#length + 3 * line.length > handful) this.#handOn()
    if (3 * line.length > handful) this.#send(Buffer.from(line))
    else this.#length += this.#bytes.write(line, this.#length)
  }

  flush(done: (error?: Error) => void): void {
    this.#handOn()
    this.#destination.flush(done)
  }

  #handOn(): void {
    if (this.#length > 0 || this.#lost > 0) this.#send(Buffer.from(this.#bytes.subarray(0, this.#length)))
    this.#length = 0
  }

  #send(lines: Buffer): void {
    this.#isFull = false
    this.#destination.write(this.#lost > 0 ? Buffer.concat([this.#lostLine(), lines]) : lines)
    this.#lost = this.#isFull ? this.#lost + countLines(lines) : 0
  }

  #lostLine(): Buffer {
    const { warn } = pino.levels.values
    const message = 'Lines of the log are missing here: they were not read as fast as they came.'
    return Buffer.from(`{"level":${warn}${this.#time()},"lost":${this.#lost},"msg":"${message}"}\n`)
  }
}

function countLines(bytes: Buffer): number {
  let count = 0
  for (let end = bytes.indexOf('\n'); end !== -1; end = bytes.indexOf('\n', end + 1)) count += 1
  return count
}
