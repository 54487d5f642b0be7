import { DulyError, hasCode } from '../errors.ts'
import type { components } from '../schema.ts'
import type { Transport } from '../transport.ts'
import { itemEntries } from './answers.ts'
import type { Context } from './context.ts'
import type { Copy, Write } from './copy.ts'
import { type Item, type ItemType, keyOf, newKey } from './operations.ts'
import type { Entry } from './store.ts'

type ChangePage = components['schemas']['ChangeList']

/** Any of the changes of a page. */
interface Change extends Partial<Record<ItemType, Item>> {
  readonly type: ItemType
  readonly id?: number
  readonly deleted?: boolean
}

/** Seconds. The server allows 60. */
const wait = 50
const limit = 1000
/** Of the first page, which is shown while the others are read. */
const firstLimit = 100
/** An empty answer that comes sooner than this did not wait. */
const earlyMs = 5000

/**
 * Follows the server with one request at a time, which waits until something changes. It needs no
 * EventSource and no tickets, passes every proxy, and is the same request that catches up.
 */
export function followerOf(context: Context, transport: Transport, repeatCreation: () => Promise<boolean>) {
  const { copy, commit, signal } = context
  let since: string | undefined
  /** Set while all items are read: those of the copy that were not seen, which may be gone. */
  let unseen: Set<string> | undefined
  let request = new AbortController()
  /** A page that was requested before it is needed. */
  let ahead: Promise<ChangePage> | undefined
  signal.addEventListener('abort', () => request.abort())

  async function take({ changes, next, has_more }: ChangePage): Promise<void> {
    const hasRepeated = !unseen && (await repeatCreation())
    const entries: Entry[] = []
    const isWhole = unseen !== undefined
    for (const change of changes as Change[]) {
      const { type, id = 0, deleted } = change
      if (type !== 'settings' && !(Number.isSafeInteger(id) && id > 0)) continue
      const key = keyOf(type, id)
      const item = change[type]
      if (deleted || !item) entries.push([key, undefined])
      // Revisions of the copy may be those of data that was replaced.
      else if (unseen) entries.push([key, item])
      else entries.push(...itemEntries(copy, key, item))
      unseen?.delete(key)
    }
    since = next
    if (!has_more && unseen) {
      for (const key of unseen) entries.push([key, undefined])
      unseen = undefined
    }
    if (!unseen) entries.push(['since', since])
    // Without its end, what was read as a whole is of no use.
    void commit(entries, undefined, unseen !== undefined)
    if (isWhole && !unseen) void commit(renewed(copy))
    // These changes may be older than the item whose creation was repeated.
    if (hasRepeated) context.isCurrent = false
    if (has_more || context.isCurrent || hasRepeated) return
    context.isCurrent = true
    context.wake()
  }

  function readAll(): void {
    since = undefined
    unseen = new Set(copy.base.keys())
  }

  /** Requests a page. Without a position, the first one, which is used only if the copy is new. */
  const readAhead = (from?: string): void => {
    ahead = read(from)
    // It is awaited later.
    ahead.catch(() => undefined)
  }

  const read = (from: string | undefined, waits = false): Promise<ChangePage> =>
    transport.send<ChangePage>({
      method: 'GET',
      path: '/api/v1/changes',
      query: {
        limit: from === undefined ? firstLimit : limit,
        since: from,
        wait: waits ? wait : undefined,
      },
      signal: request.signal,
      timeout: 75_000,
      attempts: 1,
    })

  return {
    readAhead,

    /** Reads now, rather than when something changes. */
    readNow(): void {
      context.isCurrent = false
      request.abort()
    },

    /** Reads until the signal is aborted. */
    async run(): Promise<void> {
      let pauseMs = 1000
      since = copy.since
      if (since === undefined) readAll()
      else ahead = undefined
      while (!signal.aborted) {
        if (!ahead) request = new AbortController()
        const begunAt = performance.now()
        const waits = context.isCurrent
        try {
          const reading: Promise<ChangePage> = ahead ?? read(since, waits)
          ahead = undefined
          const page = await reading
          if (page.has_more) readAhead(page.next)
          // Not while a write is sent: what it creates would be shown twice.
          await context.inTurn(() => take(page))
          context.succeeded()
          pauseMs = 1000
          // A server that stops, or a proxy that does not wait.
          const isEarly = waits && page.changes.length === 0 && performance.now() - begunAt < earlyMs
          if (isEarly) await context.sleep(pauseMs)
        } catch (error) {
          if (signal.aborted) return
          if (request.signal.aborted) continue
          context.isCurrent = false
          if (hasCode(error, 'resync_required') && since !== undefined) {
            readAll()
            void commit([['since', undefined]])
            continue
          }
          // The user has too many streams: read now and then.
          const isBusy = error instanceof DulyError && error.status === 429
          if (!isBusy) context.failed(error)
          await context.sleep(isBusy ? 30_000 : pauseMs)
          pauseMs = Math.min(pauseMs * 2, 60_000)
        }
      }
    },
  }
}

/**
 * Writes that wait, after all items were read again. If the data is from a backup, an id may belong
 * to another item now: such a write is not sent. A condition is evaluated again, as a new request.
 */
function renewed({ writes, base }: Copy): Entry[] {
  return writes.flatMap((one): Entry[] => {
    const { match, ...rest } = one
    if (one.problem) return []
    const isOther = Object.entries(one.targets ?? {}).some(([key, createdAt]) => {
      const item = base.get(key)
      return item && 'created_at' in item && item.created_at !== createdAt
    })
    if (isOther) {
      const problem: Write['problem'] = { kind: 'gone', message: 'The item was replaced by another one.' }
      return [[`write:${one.key}`, { ...one, problem }]]
    }
    if (match === undefined) return []
    const key = newKey()
    return [
      [`write:${one.key}`, undefined],
      [`write:${key}`, { ...rest, key }],
    ]
  })
}
