import { createRequire } from 'node:module'
import { type Logger, pino } from 'pino'
import type { Config } from './config/config.ts'

export type Log = Logger

/**
 * Logs JSON lines, or readable lines on a terminal. JSON lines are buffered for up to 250 ms,
 * because a write per request costs more than reading a task. Call `log.flush()` before the process
 * ends.
 */
export function createLog(level: Config['logLevel'], terminal = process.stdout.isTTY === true): Log {
  const options = { level, base: null, timestamp: timeInLine() }
  if (terminal) {
    // Loaded on demand: it takes longer to load than pino itself.
    const pretty = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty')
    const style = { translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', singleLine: true }
    return pino(options, pretty({ ...style, sync: true }))
  }
  return pino(options, new Lines())
}

export type InfoFields = Readonly<Record<string, string | number | undefined>>

/**
 * Writes lines as `log.info(fields, message)` does, in half the time, for lines of every request:
 * pino serializes field by field, `JSON.stringify` all at once. At least one field must be defined;
 * undefined fields are omitted.
 */
export function infoLines(log: Log, message: string): (fields: InfoFields) => void {
  // Internal properties of pino.
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

/**
 * The time of a line, as pino writes it. Cached to the second: formatting the date costs more than
 * the rest of the line.
 */
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

/** Size of the buffer in bytes. Each write wakes a thread of the pool and then this one. */
const bufferBytes = 64 * 1024

/** Maximum bytes that wait for a slow reader: about 60,000 requests. */
const maxWaiting = 16 * 1024 * 1024

/** Methods of pino's destination that its types lack. */
interface BytesDestination {
  write(bytes: Buffer): void
  on(event: 'drop', listener: () => void): void
  flush(done: (error?: Error) => void): void
}

/**
 * Buffers lines for standard output as bytes: sonic-boom (4.2, 5.0) measures all buffered text with
 * each line. If nobody reads the output, lines beyond `maxWaiting` are dropped, and a line says
 * how many, so that memory stays bounded.
 */
class Lines {
  readonly #destination = pino.destination({
    dest: 1,
    sync: false,
    minLength: 1,
    maxLength: maxWaiting,
    contentMode: 'buffer',
  }) as unknown as BytesDestination
  readonly #bytes = Buffer.allocUnsafeSlow(bufferBytes)
  readonly #time = timeInLine()
  #length = 0
  #isFull = false
  #lost = 0

  constructor() {
    this.#destination.on('drop', () => {
      this.#isFull = true
    })
    setInterval(() => this.#flushBuffer(), 250).unref()
    // Before the destination's own listeners, which flush it.
    process.prependListener('beforeExit', () => this.#flushBuffer())
    process.prependListener('exit', () => this.#flushBuffer())
  }

  write(line: string): void {
    // A UTF-16 code unit takes at most three bytes.
    if (this.#length + 3 * line.length > bufferBytes) this.#flushBuffer()
    if (3 * line.length > bufferBytes) this.#send(Buffer.from(line))
    else this.#length += this.#bytes.write(line, this.#length)
  }

  flush(done: (error?: Error) => void): void {
    this.#flushBuffer()
    this.#destination.flush(done)
  }

  #flushBuffer(): void {
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
    const message = 'Log lines are missing here: the reader was too slow.'
    return Buffer.from(`{"level":${warn}${this.#time()},"lost":${this.#lost},"msg":"${message}"}\n`)
  }
}

function countLines(bytes: Buffer): number {
  let count = 0
  for (let end = bytes.indexOf('\n'); end !== -1; end = bytes.indexOf('\n', end + 1)) count += 1
  return count
}
