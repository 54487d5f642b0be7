import { browser, isOffline } from './browser.ts'
import type { Context, Settled, SyncOptions } from './context.ts'
import { type Changed, Copy, type Write } from './copy.ts'
import type { Effect } from './effects.ts'
import { guarded } from './guarded.ts'
import type { Network } from './network.ts'
import { inverseOf, newWrite } from './new-write.ts'
import { checkIds, mapIds, type SyncOperation } from './operations.ts'
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

interface OpenOptions extends SyncOptions {
  /** The store is probably empty: the first page is requested while it is opened. */
  readonly isNew?: boolean
}

interface Message {
  /** The store has more than these entries. */
  readonly isStored?: boolean
  readonly entries?: readonly Entry[]
  readonly settled?: Settled
  readonly isOnline?: true
  readonly hasFailed?: true
  readonly isCleared?: true
  readonly wantsFlush?: true
}

const closed = () => new Error('The sync was closed.')
const nothing: Changed = { tasks: new Set(), lists: new Set(), settings: false, writes: false }

/**
 * Opens the copy in a store, and keeps it up to date until it is closed.
 * @param connect makes the part that needs the server, which an application may load later
 */
export async function openSync(
  store: SyncStore,
  connect: (context: Context) => Network | Promise<Network>,
  options: OpenOptions = {},
) {
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
  let network: Network | undefined
  let lastTurn: Promise<unknown> = Promise.resolve()
  const sleepers = new Set<() => void>()
  /** Whether other tabs have yet to learn of parts that were read. */
  let hasParts = false

  const emit = (event: Partial<SyncEvent>) => {
    for (const listener of [...listeners]) guarded(() => listener({ ...nothing, ...event }))
  }
  const setStatus = (change: Partial<SyncStatus>) => {
    const before = status
    status = { ...status, ...change }
    const names = Object.keys(change) as (keyof SyncStatus)[]
    if (names.every(name => before[name] === status[name])) return
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
  /** Shows what the store has, and no other items. */
  const load = async () => {
    const stored = new Map(await store.load())
    const gone = [...copy.base.keys()].filter(key => !stored.has(key))
    show([...gone.map(key => [key, undefined] as const), ...stored])
  }
  const rejectFlushes = (error: unknown) => {
    for (const one of flushes) one.reject(error)
    flushes.clear()
  }
  const settleFlushes = () => {
    if (flushes.size === 0 || !network || network.hasNext() || (isLeader && !context.isCurrent)) return
    for (const one of flushes) one.resolve()
    flushes.clear()
  }

  const context: Context = {
    ...options,
    copy,
    signal,
    unsent: new Set(),
    isCurrent: false,
    async commit(entries, settled, isPart) {
      if (signal.aborted || entries.length === 0) return
      show(entries, settled)
      if (isPart) {
        hasParts = true
        return save(entries, isPart)
      }
      const isStored = hasParts
      hasParts = false
      await save(entries)
      tell({ entries, isStored, ...(settled && { settled }) })
    },
    inTurn(work) {
      const result = lastTurn.then(work)
      lastTurn = result.catch(() => undefined)
      return result
    },
    succeeded: () => {
      if (!status.isOnline) tell({ isOnline: true })
      setStatus({ isOnline: true, error: undefined })
      settleFlushes()
    },
    failed: error => {
      setStatus({ isOnline: false, error })
      tell({ hasFailed: true })
      rejectFlushes(error)
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
  const end = () => {
    stop.abort()
    context.wake()
    rejectFlushes(closed())
  }
  const forget = () => {
    end()
    copy.clear()
    emit({ isCleared: true })
  }

  const receive = async (message: Message) => {
    const { entries, isStored, settled, isOnline, hasFailed, isCleared, wantsFlush } = message
    if (signal.aborted) return
    if (isCleared) return forget()
    // What cannot be read here is read from the server at the next visit.
    if (isStored) await load().catch(() => undefined)
    if (entries) show(entries, settled)
    if (isOnline) setStatus({ isOnline })
    if (hasFailed) {
      setStatus({ isOnline: false })
      rejectFlushes(new Error('The server cannot be reached.'))
    }
    if (wantsFlush && isLeader) network?.readNow()
    context.wake()
  }
  let received = Promise.resolve()
  shared?.receive(message => {
    received = received.then(() => receive(message))
  })
  const connected = async (): Promise<Network> => {
    for (;;) {
      try {
        return await connect(context)
      } catch (error) {
        if (signal.aborted) throw error
        context.failed(error)
        await context.sleep(10_000)
      }
    }
  }
  const opened = load().then(
    () => void context.commit(copy.unusedIds()),
    // Without the store, the copy lives as long as the program.
    (storeError: unknown) => setStatus({ storeError }),
  )
  browser.addEventListener?.(
    'online',
    () => {
      if (isLeader) network?.readNow()
      context.wake()
    },
    { signal },
  )
  browser.addEventListener?.('offline', () => setStatus({ isOnline: false }), { signal })

  const start = async () => {
    const found = await connected()
    network = found
    if (options.isNew) found.readAhead()
    const lead = async () => {
      await opened
      isLeader = true
      return found.run()
    }
    settleFlushes()
    await (shared ? shared.exclusively(lead, signal) : lead())
  }
  // Rejects when it is closed before its turn.
  start().catch(() => undefined)
  await opened

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
     * @param shown what to show until the server has done it, if the operations do not tell
     * @returns its key, what takes it back, and a promise that resolves when the store has it, or
     * cannot store it
     */
    write(given: readonly SyncOperation[], label?: string, shown?: readonly Effect[]) {
      if (signal.aborted) throw closed()
      checkIds(given)
      // Plain data that the caller can no longer change, with the ids that are known by now.
      const operations = (JSON.parse(JSON.stringify(given)) as SyncOperation[]).map(one =>
        mapIds(one, copy.realId),
      )
      const one: Write = {
        ...newWrite(copy, operations),
        ...(shown && { effects: shown.map(effect => mapIds(effect, copy.realId)) }),
        seq: (copy.writes.at(-1)?.seq ?? 0) + 1,
        ...(label !== undefined && { label }),
      }
      context.unsent.add(one.key)
      const inverse = inverseOf(one.effects, copy)
      const stored = context.commit([[`write:${one.key}`, one]])
      void stored.then(context.wake)
      return { key: one.key, inverse, stored }
    },

    /** Sends a write with a problem again, over what others have changed since. */
    retry(key: string): void {
      const one = copy.writes.find(it => it.key === key)
      if (!one?.problem) return
      const { problem: _problem, match: _match, base: _base, ...rest } = one
      const again: Write = { ...rest, ...newWrite(copy, one.operations) }
      context.unsent.add(again.key)
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
      if (!one || !(one.problem || (isLeader && context.unsent.has(key)))) return false
      void context.commit([[`write:${key}`, undefined]]).then(context.wake)
      return true
    },

    /**
     * Sends and reads now. Resolves when nothing waits to be sent.
     * @throws the error of the request if that is not possible now
     */
    flush(): Promise<void> {
      if (signal.aborted) return Promise.reject(closed())
      const done = new Promise<void>((resolve, reject) => flushes.add({ resolve, reject }))
      if (isLeader) network?.readNow()
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
