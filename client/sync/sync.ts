import type { ChangedList, ListChange, ListPlace, NewList } from '../lists.ts'
import type { NewTask, Task, TaskChange, TaskPlace } from '../tasks.ts'
import type { Transport } from '../transport.ts'
import type { SyncOptions } from './context.ts'
import type { Write } from './copy.ts'
import { networkOf } from './network.ts'
import { openSync, type SyncEvent, type SyncStatus } from './open.ts'
import { newId, type Settings, type SettingsChange, type SyncOperation } from './operations.ts'
import type { SyncStore } from './store.ts'

export type Sync = Awaited<ReturnType<typeof syncOf>>

/** Opens a local copy, and keeps it up to date until it is closed. */
export async function syncOf(transport: Transport, store: SyncStore, options: SyncOptions = {}) {
  const open = await openSync(store, context => networkOf(context, transport), options)
  const { copy } = open
  const { tasks, lists } = copy
  const write = async (one: SyncOperation) => open.write([one]).stored

  /** The current id of an item of the copy. @throws TypeError if there is no such item */
  const known = (type: 'task' | 'list', given: number): number => {
    const id = copy.realId(given)
    if ((type === 'task' ? tasks : lists).has(id)) return id
    throw new TypeError(`sync: the copy has no ${type} ${JSON.stringify(given)}.`)
  }
  const taskAfter = async (id: number, stored: Promise<void>): Promise<Task> => {
    await stored
    return tasks.get(copy.realId(id)) as Task
  }
  const listAfter = async (id: number, stored: Promise<void>): Promise<ChangedList> => {
    await stored
    return lists.get(copy.realId(id)) as ChangedList
  }

  return {
    /** Writes change the copy at once, and resolve when the store has them. */
    tasks: {
      get: (id: number): Task | undefined => tasks.get(copy.realId(id)),
      all: (): Task[] => [...tasks.values()],

      /** Returns the task with a temporary, negative id. It keeps working for this copy. */
      create: async (task: NewTask): Promise<Task> => {
        const id = newId()
        return taskAfter(id, write({ op: 'create', id, task }))
      },
      update: async (id: number, changes: TaskChange): Promise<Task> =>
        taskAfter(id, write({ op: 'update', id: known('task', id), changes })),
      move: async (id: number, place: TaskPlace): Promise<Task> =>
        taskAfter(id, write({ ...place, op: 'move', id: known('task', id) })),
      remove: async (id: number): Promise<void> => write({ op: 'delete', id: known('task', id) }),
      /** Restores a task from the trash, which is not part of the copy. */
      restore: async (id: number): Promise<void> => write({ op: 'restore', id }),
    },

    lists: {
      get: (id: number): ChangedList | undefined => lists.get(copy.realId(id)),
      all: (): ChangedList[] => [...lists.values()],
      create: async (list: NewList): Promise<ChangedList> => {
        const id = newId()
        return listAfter(id, write({ op: 'create_list', id, list }))
      },
      update: async (id: number, changes: ListChange): Promise<ChangedList> =>
        listAfter(id, write({ op: 'update_list', id: known('list', id), changes })),
      move: async (id: number, place: ListPlace): Promise<ChangedList> =>
        listAfter(id, write({ ...place, op: 'move_list', id: known('list', id) })),
      /** Moves the list to the trash with its tasks, or moves those elsewhere first. */
      remove: async (id: number, { moveTasksTo }: { moveTasksTo?: number | 'inbox' } = {}): Promise<void> =>
        write({ op: 'delete_list', id: known('list', id), move_tasks_to: moveTasksTo }),
      restore: async (id: number): Promise<void> => write({ op: 'restore_list', id }),
    },

    settings: {
      get: (): Settings | undefined => copy.settings,
      update: async (changes: SettingsChange): Promise<Settings | undefined> => {
        await write({ op: 'settings', changes })
        return copy.settings
      },
    },

    /** Undoes a change of the server by its id, which the event `settled` of a write has. */
    undo: async (change: string): Promise<void> => write({ op: 'undo', change }),

    /** Makes one write of up to 100 operations, which the server does all or not at all. */
    write: (operations: readonly SyncOperation[], label?: string): { key: string; stored: Promise<void> } =>
      open.write(operations, label),
    subscribe: open.subscribe,
    retry: open.retry,
    discard: open.discard,
    flush: open.flush,
    close: open.close,
    clear: open.clear,

    get status(): SyncStatus {
      return open.status
    },
    /** Writes that the server has not confirmed, in their order. */
    get waiting(): Write[] {
      return copy.writes.filter(({ problem }) => !problem)
    },
    /** Writes that were not done, until they are sent again or discarded. */
    get problems(): Write[] {
      return copy.writes.filter(({ problem }) => problem)
    },
  }
}

export type { SyncEvent, SyncStatus }
