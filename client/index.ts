import { batchOf } from './batch.ts'
import { listsOf } from './lists.ts'
import type { components, operations } from './schema.ts'
import type { SyncOptions } from './sync/context.ts'
import type { SyncStore } from './sync/store.ts'
import { syncOf } from './sync/sync.ts'
import { tagsOf } from './tags.ts'
import { tasksOf } from './tasks.ts'
import { type CallOptions, type ConnectOptions, checkOptions, Transport } from './transport.ts'
import { trashOf } from './trash.ts'
import { type WriteOptions, written } from './writes.ts'

export {
  type BatchOptions,
  type BatchResult,
  type Deleted,
  type ListId,
  type ListResult,
  type Operation,
  operation,
  type Results,
  type TaskId,
  type TaskResult,
} from './batch.ts'
export {
  type Conflict,
  DulyConnectionError,
  DulyError,
  type ErrorWithCode,
  type FailedRequest,
  hasCode,
  type NoAnswer,
  type Problem,
} from './errors.ts'
export type {
  ChangedList,
  List,
  ListChange,
  ListPage,
  ListPlace,
  Lists,
  NewList,
  RemoveListOptions,
} from './lists.ts'
export type { PageOptions } from './pages.ts'
export type { Settled, SyncConflict, SyncOptions } from './sync/context.ts'
export type { SyncProblem, Write } from './sync/copy.ts'
export { indexedDbStore } from './sync/indexed-db.ts'
export type { SyncEvent, SyncStatus } from './sync/open.ts'
export { newId, type SyncOperation } from './sync/operations.ts'
export { byPosition } from './sync/positions.ts'
export { type Entry, memoryStore, type SharedStore, type SyncStore } from './sync/store.ts'
export type { Sync } from './sync/sync.ts'
export type { Tag, TaggedCount, TagPage, Tags } from './tags.ts'
export type {
  HistoryEntry,
  HistoryPage,
  ListOptions,
  NewTask,
  Task,
  TaskChange,
  TaskPage,
  TaskPlace,
  Tasks,
} from './tasks.ts'
export type { CallOptions, ConnectOptions } from './transport.ts'
export type { Trash, TrashItem, TrashOptions, TrashPage } from './trash.ts'
export type { ConditionalOptions, WriteOptions } from './writes.ts'

export type Settings = components['schemas']['Settings']
export type SettingsChange = components['schemas']['SettingsChange']
export type Counts = components['schemas']['Counts']
export type CountsOptions = NonNullable<operations['getCounts']['parameters']['query']>
export type Usage = components['schemas']['Usage']
export type Undone = components['schemas']['Undone']

export type Client = ReturnType<typeof createClient>

/**
 * Creates a client for a server and the user of the token. It keeps no connection open and needs no
 * closing, except what `sync` opens.
 * @throws TypeError for missing or invalid options
 */
export function createClient(options: ConnectOptions) {
  checkOptions(options)
  const transport = new Transport(options)
  const settings = '/api/v1/settings'
  return {
    tasks: tasksOf(transport),
    lists: listsOf(transport),
    tags: tagsOf(transport),
    trash: trashOf(transport),
    batch: batchOf(transport),

    /**
     * Undoes a change, as a change of its own: undo that to redo. Fails with `undo_conflict` if its
     * items have changed again.
     */
    undo: (change: string, options: WriteOptions = {}): Promise<Undone> =>
      transport.send({ method: 'POST', path: '/api/v1/undo', json: { change }, ...written(options) }),

    /** Counts open tasks: in the inbox, in each list and by due date; and what is in the trash. */
    counts: (query: CountsOptions = {}, options: CallOptions = {}): Promise<Counts> =>
      transport.send({ method: 'GET', path: '/api/v1/counts', query, ...options }),

    /** Returns the number and size of the tasks, and the limits. */
    usage: (options: CallOptions = {}): Promise<Usage> =>
      transport.send({ method: 'GET', path: '/api/v1/usage', ...options }),

    /**
     * Opens a local copy of everything in a store, which works offline and keeps itself up to date.
     * Close it when you are done.
     */
    sync: (store: SyncStore, options: SyncOptions = {}) => syncOf(transport, store, options),

    settings: {
      get: (options: CallOptions = {}): Promise<Settings> =>
        transport.send({ method: 'GET', path: settings, ...options }),

      update: (change: SettingsChange, options: WriteOptions = {}): Promise<Settings> =>
        transport.send({ method: 'PATCH', path: settings, json: change, ...written(options) }),
    },
  }
}
