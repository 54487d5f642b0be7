import type { Transport } from '../transport.ts'
import { browser, isOffline } from './browser.ts'
import type { Context, Settled, SyncOptions } from './context.ts'
import { type Changed, Copy, type Write } from './copy.ts'
import { effectsOf } from './effects.ts'
import { type Fields, fieldsOf, pick, valuesIn } from './fields.ts'
import { followerOf } from './follow.ts'
import { guarded } from './guarded.ts'
import { checkIds, keyOf, mapIds, type SyncOperation, typeOf } from './operations.ts'
import { newKey, outboxOf } from './outbox.ts'
import { saverOf } from './saver.ts'
import type { Entry, SyncStore } from './store.ts'

export interface SyncStatus {
  /** Whether the last request has got a response. */
  readonly isOnline: boolean
  /** Whether the copy has been complete once. */
  readonly isLoaded: boolean
  /** Why the last request failed; undefined after a success. */
  readonly error: unknown
  /** Why the store could not save, such as `QuotaExceededError`; undefined after a success. */
  readonly storeError: unknown
}

export interface SyncEvent extends Changed {
  /** A write that was done, or has got a problem. */
  readonly settled?: Settled
  /** The copy was cleared, here or in another tab. */
  readonly isCleared?: boolean
}

export type OpenSync = Awaited<ReturnType<typeof openSync>>

interface Message {
  readonly entries?: readonly Entry[]
  readonly settled?: Settled
  readonly isOnline?: boolean
  readonly isCleared?: boolean
  readonly wantsFlush?: boolean
}

const nothing: Changed = { tasks: new Set(), lists: new Set(), settings: false, writes: false }

/** Opens the copy in a store, and keeps it up to date until it is closed. */
export async function openSync(transport: Transport, store: SyncStore, options: SyncOptions = {}) {
  const { shared } = store
  const copy = new Copy()
  const stop = new AbortController()
  const { signal } = stop
  const listeners = new Set<(event: SyncEvent) => void>()
  const flushes = new Set<{ resolve(): void; reject(error: unknown): void }>()
  let status: SyncStatus = {
    isOnline: !isOffline(),
    isLoaded: false,
    error: undefined,
    storeError: undefined,
  }
  let isLeader = false
  let lastTurn: Promise<unknown> = Promise.resolve()
  const sleepers = new Set<() => void>()

  const emit = (event: Partial<SyncEvent>) => {
    for (const listener of [...listeners]) guarded(() => listener({ ...nothing, ...event }))
  }
  const setStatus = (change: Partial<SyncStatus>) => {
    const before = status
    status = { ...status, ...change }
    const names = Object.keys(change) as (keyof SyncStatus)[]
    if (names.every(name => before[name] === status[name])) return
    if (isLeader && before.isOnline !== status.isOnline) tell({ isOnline: status.isOnline })
    emit({})
  }
  const tell = (message: Message) => {
    if (!signal.aborted) shared?.send(message)
  }
  const save = saverOf(store, storeError => setStatus({ storeError }))

  /** Shows entries of this tab or of another one. */
  const show = (entries: readonly Entry[], settled?: Settled) => {
    const changed = copy.apply(entries)
    if (copy.since !== undefined) setStatus({ isLoaded: true })
    emit({ ...changed, ...(settled && { settled }) })
    settleFlushes()
  }
  const settleFlushes = () => {
    if (flushes.size === 0 || outbox.next() || (isLeader && !context.isCurrent)) return
    for (const one of flushes) one.resolve()
    flushes.clear()
  }

  const context: Context = {
    ...options,
    transport,
    copy,
    signal,
    isCurrent: false,
    async commit(entries, settled) {
      if (signal.aborted || entries.length === 0) return
      show(entries, settled)
      await save(entries)
      tell({ entries, ...(settled && { settled }) })
    },
    inTurn(work) {
      const result = lastTurn.then(work)
      lastTurn = result.catch(() => undefined)
      return result
    },
    succeeded: () => {
      setStatus({ isOnline: true, error: undefined })
      settleFlushes()
    },
    failed: error => {
      setStatus({ isOnline: false, error })
      for (const one of flushes) one.reject(error)
      flushes.clear()
    },
    sleep: (ms = 2 ** 31 - 1) =>
      new Promise(resolve => {
        const end = () => {
          clearTimeout(timer)
          sleepers.delete(end)
          resolve()
        }
        const timer = setTimeout(end, signal.aborted ? 0 : ms)
        sleepers.add(end)
      }),
    wake: () => {
      for (const end of [...sleepers]) end()
    },
  }
  const outbox = outboxOf(context)
  const follower = followerOf(context)

  const end = () => {
    stop.abort()
    context.wake()
    for (const one of flushes) one.reject(new Error('The sync was closed.'))
    flushes.clear()
  }
  const forget = () => {
    end()
    for (const items of [copy.tasks, copy.lists, copy.base]) items.clear()
    copy.writes = []
    emit({ isCleared: true })
  }

  shared?.receive(given => {
    const { entries, settled, isOnline, isCleared, wantsFlush }: Message = given
    if (signal.aborted) return
    if (isCleared) return forget()
    if (entries) show(entries, settled)
    if (isOnline !== undefined && !isLeader) setStatus({ isOnline })
    if (wantsFlush && isLeader) follower.readNow()
    context.wake()
  })
  try {
    show([...(await store.load())])
  } catch (storeError) {
    // Without the store, the copy lives as long as the program.
    setStatus({ storeError })
  }
  browser.addEventListener?.(
    'online',
    () => {
      if (isLeader) follower.readNow()
      context.wake()
    },
    { signal },
  )
  browser.addEventListener?.('offline', () => setStatus({ isOnline: false }), { signal })

  const lead = async () => {
    isLeader = true
    await Promise.all([follower.run(), outbox.run()])
  }
  // Rejects when it is closed before its turn.
  void (shared ? shared.exclusively(lead, signal) : lead()).catch(() => undefined)

  /** What the server had in the fields of an update, before the writes that wait. */
  function baseOf([update, ...others]: readonly SyncOperation[]): Fields | undefined {
    if (!update || others.length > 0 || (update.op !== 'update' && update.op !== 'update_list'))
      return undefined
    const key = keyOf(typeOf(update), update.id)
    const item = copy.base.get(key)
    if (!item) return undefined
    const names = Object.keys(fieldsOf(update.changes))
    let base = valuesIn(item, names)
    for (const { operations, base: earlier, problem } of copy.writes) {
      const [one] = operations
      if (problem || !earlier || !one || !('id' in one) || keyOf(typeOf(one), one.id) !== key) continue
      base = {
        ...base,
        ...pick(
          earlier,
          names.filter(name => Object.hasOwn(earlier, name)),
        ),
      }
    }
    return base
  }

  function targetsOf(operations: readonly SyncOperation[]): Record<string, string> {
    const found = operations.flatMap(one => {
      const key = keyOf(typeOf(one), 'id' in one ? one.id : 0)
      const item = copy.base.get(key)
      return item && 'created_at' in item ? [[key, item.created_at] as const] : []
    })
    return Object.fromEntries(found)
  }

  return {
    copy,
    get status() {
      return status
    },

    /** Calls the listener after each change. @returns a function that removes it */
    subscribe(listener: (event: SyncEvent) => void): () => void {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },

    /**
     * Makes one write of these operations: shows it, stores it, and sends it when it can.
     * @returns its key, and a promise that resolves when the store has it, or cannot store it
     */
    write(given: readonly SyncOperation[], label?: string): { key: string; stored: Promise<void> } {
      checkIds(given)
      // Plain data that the caller can no longer change, with the ids that are known by now.
      const operations = (JSON.parse(JSON.stringify(given)) as SyncOperation[]).map(one =>
        mapIds(one, copy.realId),
      )
      const base = baseOf(operations)
      const one: Write = {
        key: newKey(),
        seq: (copy.writes.at(-1)?.seq ?? 0) + 1,
        operations,
        effects: effectsOf(operations, copy),
        targets: targetsOf(operations),
        ...(base && { base }),
        ...(label !== undefined && { label }),
      }
      outbox.unsent.add(one.key)
      const stored = context.commit([[`write:${one.key}`, one]])
      void stored.then(context.wake)
      return { key: one.key, stored }
    },

    /** Sends a write with a problem again, over what others have changed since. */
    retry(key: string): void {
      const one = copy.writes.find(it => it.key === key)
      if (!one?.problem) return
      const { problem: _problem, match: _match, base: _base, ...rest } = one
      const base = baseOf(one.operations)
      const again: Write = {
        ...rest,
        key: newKey(),
        effects: effectsOf(one.operations, copy),
        targets: targetsOf(one.operations),
        ...(base && { base }),
      }
      outbox.unsent.add(again.key)
      void context
        .commit([
          [`write:${key}`, undefined],
          [`write:${again.key}`, again],
        ])
        .then(context.wake)
    },

    /** Drops a write that has a problem or was not sent. @returns whether it could */
    discard(key: string): boolean {
      const one = copy.writes.find(it => it.key === key)
      if (!one || !(one.problem || (isLeader && !outbox.isSent(key)))) return false
      void context.commit([[`write:${key}`, undefined]]).then(context.wake)
      return true
    },

    /**
     * Sends and reads now. Resolves when nothing waits to be sent.
     * @throws the error of the request if that is not possible now
     */
    flush(): Promise<void> {
      if (signal.aborted) return Promise.reject(new Error('The sync was closed.'))
      const done = new Promise<void>((resolve, reject) => flushes.add({ resolve, reject }))
      if (isLeader) follower.readNow()
      else tell({ wantsFlush: true })
      context.wake()
      queueMicrotask(settleFlushes)
      return done
    },

    /** Stops. What waits is sent when the store is opened again. */
    close(): void {
      end()
      store.close?.()
    },

    /** Stops, and removes the copy and all writes: for signing out. */
    async clear(): Promise<void> {
      tell({ isCleared: true })
      forget()
      await save([])
      await store.clear()
    },
  }
}
