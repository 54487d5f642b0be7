import type { Redis } from 'ioredis'
import type { Log } from '../log.ts'
import { costMs, fillingMs, type Rate, toleranceMs } from './rate.ts'

/** Maximum time that a request waits for Redis. */
const patienceMs = 500
const seekingMs = 1000

// The algorithm of `Buckets`, atomically and by the clock of Redis. Full buckets expire.
// ARGV, in microseconds: cost of a request, time to fill the bucket, tolerance.
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
  /** SHA-1 of the loaded script. */
  readonly sha: string
}

/**
 * Buckets in Redis or Valkey that all replicas share. While Redis is unavailable, requests do not
 * wait for it; the log says so once, and the connection is retried every second.
 */
export class SharedBuckets {
  readonly #url: string
  readonly #log: Log
  #connection: Connection | undefined
  #seeking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isUnavailable = false
  #isClosed = false

  private constructor(url: string, log: Log) {
    this.#url = url
    this.#log = log
  }

  /** Connects for at most a second, so that the first request is already counted in Redis. */
  static async open(url: string, log: Log): Promise<SharedBuckets> {
    const buckets = new SharedBuckets(url, log)
    await buckets.#seek()
    return buckets
  }

  get isThere(): boolean {
    return this.#connection !== undefined
  }

  /** As `Buckets.take`. @returns undefined if Redis is unavailable; never rejects */
  async take(key: string, rate: Rate): Promise<number | undefined> {
    const connection = this.#connection
    if (!connection) return undefined
    try {
      return await takeAt(connection, key, rate)
    } catch (error) {
      if (connection === this.#connection) this.#disconnected(error)
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

  #disconnected(error: unknown): void {
    end(this.#connection?.client)
    this.#connection = undefined
    if (this.#isClosed) return
    // Only the message: other properties of the client's errors may contain parts of the URL.
    const reason = error instanceof Error ? error.message : String(error)
    if (!this.#isUnavailable)
      this.#log.warn({ reason }, 'Redis is unavailable: each replica counts requests by itself')
    this.#isUnavailable = true
    this.#timer = setTimeout(() => void this.#seek(), seekingMs).unref()
  }

  #seek(): Promise<void> {
    this.#seeking = this.#connect().then(
      connection => {
        this.#connection = connection
        if (this.#isUnavailable)
          this.#log.info('Redis is available again: all replicas count requests together')
        this.#isUnavailable = false
      },
      error => this.#disconnected(error),
    )
    return this.#seeking
  }

  async #connect(): Promise<Connection> {
    // Loaded on demand: most servers do not use Redis.
    const { Redis } = await import('ioredis')
    const client = new Redis(this.#url, {
      lazyConnect: true,
      connectTimeout: seekingMs,
      retryStrategy: null,
      enableOfflineQueue: false,
      // The probe below tests more than INFO, which some users may not run.
      enableReadyCheck: false,
      disableClientInfo: true,
    })
    const gone = (error?: Error) => {
      if (client === this.#connection?.client) this.#disconnected(error ?? new Error('the connection ended'))
    }
    client.on('error', gone).on('end', gone)
    try {
      const open = async () => {
        await client.connect()
        const connection = { client, sha: String(await client.script('LOAD', script)) }
        // A Redis that is full or read-only accepts connections but cannot count.
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
    // If this process was busy, the reply may already be waiting in the socket: read it first.
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
