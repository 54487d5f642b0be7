import type { Redis } from 'ioredis'
import type { Log } from '../log.ts'
import { costMs, fillingMs, type Rate, toleranceMs } from './rate.ts'

/** Longer than this no call waits to be counted. */
const patienceMs = 500
const seekingMs = 1000

// What `Buckets` does, for all replicas: by the clock of Redis, and in one step. A bucket that is full again expires.
// ARGV: microseconds that one call costs, that the bucket takes to fill, and by how much sums may be off.
const script = `
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local fullAt = tonumber(redis.call('GET', KEYS[1])) or now
local untilFull = math.max(fullAt - now, 0) + ARGV[1]
if untilFull <= ARGV[2] + ARGV[3] then
  redis.call('SET', KEYS[1], string.format('%.17g', now + untilFull), 'PX', math.ceil(untilFull / 1000))
end
return math.ceil(untilFull)`

interface Connection {
  readonly client: Redis
  /** The script, as Redis knows it. */
  readonly sha: string
}

/**
 * Buckets that all replicas share, in Redis or Valkey. While it cannot be reached, or refuses, nobody waits for it: that is said
 * once, and it is looked for once a second until it counts again.
 */
export class SharedBuckets {
  readonly #url: string
  readonly #log: Log
  #connection: Connection | undefined
  #seeking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isMissed = false
  #isClosed = false

  private constructor(url: string, log: Log) {
    this.#url = url
    this.#log = log
  }

  /** Looks once, for a second at most, so that already the first call is shared where it can be. */
  static async open(url: string, log: Log): Promise<SharedBuckets> {
    const buckets = new SharedBuckets(url, log)
    await buckets.#seek()
    return buckets
  }

  get isThere(): boolean {
    return this.#connection !== undefined
  }

  /** As `Buckets.take`. @returns nothing where it could not be counted; never rejects */
  async take(key: string, rate: Rate): Promise<number | undefined> {
    const connection = this.#connection
    if (!connection) return undefined
    try {
      return await takeAt(connection, key, rate)
    } catch (error) {
      if (connection === this.#connection) this.#miss(error)
      return undefined
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#seeking
    end(this.#connection?.client)
    this.#connection = undefined
  }

  #miss(error: unknown): void {
    end(this.#connection?.client)
    this.#connection = undefined
    if (this.#isClosed) return
    // The message alone: what else an error of the client holds may have come from the URL.
    const reason = error instanceof Error ? error.message : String(error)
    if (!this.#isMissed) this.#log.warn({ reason }, 'Redis does not count: each replica counts by itself')
    this.#isMissed = true
    this.#timer = setTimeout(() => void this.#seek(), seekingMs).unref()
  }

  #seek(): Promise<void> {
    this.#seeking = this.#connect().then(
      connection => {
        this.#connection = connection
        if (this.#isMissed) this.#log.info('Redis counts again, for all replicas together')
        this.#isMissed = false
      },
      error => this.#miss(error),
    )
    return this.#seeking
  }

  async #connect(): Promise<Connection> {
    // Loaded by those who share alone.
    const { Redis } = await import('ioredis')
    const client = new Redis(this.#url, {
      lazyConnect: true,
      connectTimeout: seekingMs,
      retryStrategy: null,
      enableOfflineQueue: false,
      // The probe below says more than INFO, which not every user may ask for.
      enableReadyCheck: false,
      disableClientInfo: true,
    })
    const gone = (error?: Error) => {
      if (client === this.#connection?.client) this.#miss(error ?? new Error('the connection ended'))
    }
    client.on('error', gone).on('end', gone)
    try {
      const open = async () => {
        await client.connect()
        const connection = { client, sha: String(await client.script('LOAD', script)) }
        // One that is full or read-only can be reached, and counts nothing.
        await takeAt(connection, 'probe', { perSecond: 1000, burst: 1000 })
        return connection
      }
      return await inTime(open(), seekingMs)
    } catch (error) {
      end(client)
      throw error
    }
  }
}

async function takeAt({ client, sha }: Connection, key: string, rate: Rate): Promise<number> {
  const times = [costMs(rate), fillingMs(rate), toleranceMs(rate)].map(ms => String(ms * 1000))
  const asked = client.evalsha(sha, 1, `duly:calls:${key}`, ...times)
  return Number(await inTime(asked, patienceMs)) / 1000
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<never>((_resolve, reject) => {
    // A process that was busy itself reads first what has come meanwhile.
    const giveUp = () =>
      setImmediate(() => setImmediate(() => reject(new Error(`no answer within ${ms} ms`))))
    timer = setTimeout(giveUp, ms)
  })
  try {
    return await Promise.race([work, tooLong])
  } finally {
    clearTimeout(timer)
  }
}

function end(client: Redis | undefined): void {
  client?.disconnect()
}
