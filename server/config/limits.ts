import type { Rate } from '../limits/rate.ts'
import { setting } from './setting.ts'
import { isPercentEncoded, parseUrl, type SettingsReader } from './settings-reader.ts'

export const limitSettings = [
  setting('RATE_LIMIT', '100/200', 'Requests per user, as `per second/burst`; `off` for no limit.'),
  setting(
    'RATE_LIMIT_ADDRESS',
    '100/200',
    'Requests per address without a valid token, health checks excepted, in the same form.',
  ),
  setting(
    'REDIS_URL',
    'none',
    'Redis or Valkey for rate limits that all replicas share, as `redis://…` or `rediss://…`. If unset, each replica counts by itself.',
  ),
  setting('MAX_TASKS', '100000', 'Maximum number of tasks per user.'),
  setting(
    'MAX_STORAGE',
    '256MiB',
    'Maximum storage per user for tasks, trash, change log and idempotency keys: a number of bytes, or with `KiB`, `MiB` or `GiB`.',
  ),
  setting('HISTORY_DAYS', '30', 'Days for which changes and idempotency keys are stored.'),
  setting('TRASH_DAYS', '30', 'Days until a deleted task is removed permanently.'),
]

export interface LimitConfig {
  /** Requests per user; absent: no limit. */
  readonly rateLimit: Rate | undefined
  /** Requests per address without a valid token; absent: no limit. */
  readonly rateLimitAddress: Rate | undefined
  /** URL of the server that counts for all replicas. */
  readonly redis: string | undefined
  /** Maximum number of tasks per user. */
  readonly maxTasks: number
  /** Maximum bytes per user: tasks, trash, change log and idempotency keys. */
  readonly maxStorage: number
  readonly historyDays: number
  readonly trashDays: number
}

const units: Readonly<Record<string, number>> = { kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 }
/** A lower value is a mistake, such as a number of mebibytes without the unit. */
const minStorage = 4096

export function readLimits(reader: SettingsReader): LimitConfig {
  return {
    rateLimit: readRate('RATE_LIMIT', reader),
    rateLimitAddress: readRate('RATE_LIMIT_ADDRESS', reader),
    redis: readRedis(reader),
    maxTasks: reader.integer('MAX_TASKS', 1, 999_999_999, 100_000),
    maxStorage: readStorage(reader),
    historyDays: reader.integer('HISTORY_DAYS', 1, 36_500, 30),
    trashDays: reader.integer('TRASH_DAYS', 1, 36_500, 30),
  }
}

function readRate(name: string, reader: SettingsReader): Rate | undefined {
  const value = reader.read(name) ?? '100/200'
  if (value === 'off') return undefined
  const [perSecond = 0, burst = 0] = /^(\d{1,6})\/(\d{1,6})$/.exec(value)?.slice(1).map(Number) ?? []
  if (![perSecond, burst].every(count => count >= 1 && count <= 100_000)) {
    reader.problem(name, 'must be off, or requests per second/burst, such as 100/200, each from 1 to 100000.')
  }
  return { perSecond, burst }
}

function readRedis(reader: SettingsReader): string | undefined {
  const value = reader.read('REDIS_URL')
  if (value === undefined) return undefined
  const url = parseUrl(value)
  const isRedis = url !== undefined && ['redis:', 'rediss:'].includes(url.protocol) && url.hostname !== ''
  return isRedis && /^(\/\d{0,4})?$/.test(url.pathname) && isPercentEncoded(url.username + url.password)
    ? value
    : reader.problem('REDIS_URL', 'must be a URL such as redis://user:password@redis.example.com:6379/0.')
}

function readStorage(reader: SettingsReader): number {
  const value = reader.read('MAX_STORAGE') ?? '256MiB'
  const [, digits = '', unit = ''] = /^(\d{1,15})\s*([KMG]iB)?$/i.exec(value) ?? []
  const bytes = Number(digits) * (units[unit.toLowerCase()] ?? 1)
  if (digits === '' || bytes < minStorage || bytes > Number.MAX_SAFE_INTEGER) {
    reader.problem(
      'MAX_STORAGE',
      'must be at least 4096 bytes: a number, optionally with KiB, MiB or GiB, such as 256MiB.',
    )
  }
  return bytes
}
