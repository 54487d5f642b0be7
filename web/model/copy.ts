import type { Context } from '../../client/sync/context.ts'
import type { Effect } from '../../client/sync/effects.ts'
import { omit } from '../../client/sync/fields.ts'
import { indexedDbStore } from '../../client/sync/indexed-db.ts'
import type { Network } from '../../client/sync/network.ts'
import { type OpenSync, openSync, type SyncEvent } from '../../client/sync/open.ts'
import type { SyncOperation } from '../../client/sync/operations.ts'
import { afterPaint } from '../parts/after-paint.ts'
import { browserLanguage, t } from '../texts/texts.ts'
import { announce } from './notices.ts'
import { AuthError, forgetToken, rememberUser } from './session.ts'
import { defaultSettings, state, update } from './store.ts'

export { newId } from '../../client/sync/operations.ts'

// The user's tasks and lists on this device: the client stores them, and this module shows them.

let sync: OpenSync | undefined
let isLeaving = false
let isBegun = Promise.resolve()

/** Resolves when there are tasks to show, or an error, or after half a second. */
export const firstTasks = (): Promise<void> => isBegun

/** Called with the key of each write that the server has executed, and the id of its change. */
export const onSettled: { listener?: (key: string, change: string | undefined) => void } = {}

export const realId = (id: number): number => sync?.copy.realId(id) ?? id
/** An id that stays the same when the server assigns the item's own. */
export const stableId = (id: number): number => sync?.copy.stableId(id) ?? id

/** The children of a task, or the top level of a list, in their order. */
export const childrenOf = (parent: number | null, list: number | null) =>
  sync?.copy.childrenOf(parent, list) ?? []

/**
 * Shows the data on this device, and receives changes from the server.
 * @param isNew whether the device probably has no data of the user
 */
export async function openCopy(
  userId: string,
  connect: (context: Context) => Promise<Network>,
  isNew: boolean,
): Promise<void> {
  sync?.close()
  const open = await openSync(indexedDbStore(`duly-copy-${userId}`), connect, {
    // The last change wins, except for texts.
    onConflict: ({ mine }) => omit(mine, ['title', 'description']),
    isNew,
  })
  sync = open
  const { tasks, lists } = open.copy
  update({ tasks, lists })
  let isFirstVisit = !open.status.isLoaded
  let problems = Number.POSITIVE_INFINITY
  let shown = 0
  let begin = () => {}
  isBegun = new Promise(resolve => {
    begin = resolve
    setTimeout(resolve, 500)
  })
  const show = (event: Partial<SyncEvent> = {}) => {
    const { settings, settled, isCleared, writes, tasks: changed, lists: changedLists } = event
    const { copy, status } = open
    if (isCleared) return isLeaving ? undefined : endSession()
    // During the first sync, not each page is worth the time to show it.
    if (!status.isLoaded && !writes && changed?.size && tasks.size < 100 * shown) return
    shown = tasks.size
    if (shown > 0 || status.isLoaded || status.error) begin()
    const isNowLoaded = isFirstVisit && status.isLoaded
    if (isNowLoaded) {
      isFirstVisit = false
      afterPaint(adoptSettings)
    }
    if (settled) onSettled.listener?.(settled.key, settled.change)
    const count = copy.writes.filter(({ problem }) => problem).length
    if (count > problems) announce({ kind: 'problem' })
    problems = count
    update({
      version: state.version + (changed?.size || changedLists?.size || settings || isNowLoaded ? 1 : 0),
      writes: copy.writes,
      isOnline: status.isOnline,
      isLoaded: status.isLoaded,
      ...(settings && { settings: { ...defaultSettings, ...copy.settings } }),
    })
    if (isSessionOver(status.error) && !isLeaving) {
      open.close()
      update({ session: 'out' })
    }
  }
  open.subscribe(show)
  show({ settings: true })
}

const isSessionOver = (error: unknown) => error instanceof AuthError && error.status === 401

/** At the first use, the user gets the time zone and language of the browser. */
function adoptSettings(): void {
  const { time_zone, language } = sync?.copy.settings ?? defaultSettings
  if (time_zone !== 'UTC' || language !== 'en') return
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  enqueue(
    [{ op: 'settings', changes: { time_zone: timeZone, language: browserLanguage() } }],
    t().changedSettings,
  )
}

/** A write, and the functions that revert it. */
export interface Enqueued {
  readonly key: string
  readonly inverse: readonly Effect[]
}

/** Shows and stores a write, and sends it as soon as possible. */
export const enqueue = (
  operations: readonly SyncOperation[],
  label: string,
  shown?: readonly Effect[],
): Enqueued => sync?.write(operations, label, shown) ?? { key: '', inverse: [] }

/** Discards a write that was not sent, or was rejected. @returns whether it could */
export const discard = (key: string): boolean => sync?.discard(key) ?? false
/** Sends a write again; if the task has changed since, it overwrites that change. */
export const retry = (key: string): void => sync?.retry(key)

/** Sends all waiting writes. Resolves when it has done so, or cannot. */
export const send = async (): Promise<void> => sync?.flush().catch(() => undefined)

/** The session has ended elsewhere. The data on this device stays until the user signs in again. */
export function endSession(): void {
  sync?.close()
  forgetToken()
  rememberUser(undefined)
  update({ session: 'out', tasks: new Map(), lists: new Map(), isLoaded: false })
}

/** Ends the session with a request, and removes the data from this device. */
export async function leaveCopy(end: () => Promise<unknown>): Promise<void> {
  isLeaving = true
  try {
    await end()
  } catch (error) {
    isLeaving = false
    throw error
  }
  // Nothing is shown until the page is reloaded.
  update({ session: 'starting', user: undefined, writes: [], tasks: new Map(), lists: new Map() })
  await sync?.clear()
}
