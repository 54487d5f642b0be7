import { iterate, type PageOptions } from './pages.ts'
import type { components, operations } from './schema.ts'
import type { CallOptions, Transport } from './transport.ts'
import { type ConditionalOptions, type WriteOptions, written } from './writes.ts'

export type Task = components['schemas']['Task']
export type NewTask = components['schemas']['NewTask']
export type TaskChange = components['schemas']['TaskChange']
export type TaskPlace = components['schemas']['TaskPlace']
export type TaskPage = Omit<components['schemas']['TaskList'], 'tasks'> & { tasks: Task[] }
/** Filters and order. Tasks come whole, without `fields`. */
export type ListOptions = Omit<NonNullable<operations['listTasks']['parameters']['query']>, 'fields'>
export type HistoryPage = components['schemas']['History']
export type HistoryEntry = HistoryPage['history'][number]

export type Tasks = ReturnType<typeof tasksOf>

const path = '/api/v1/tasks'

export function tasksOf(transport: Transport) {
  const list = (query: ListOptions = {}, options: CallOptions = {}): Promise<TaskPage> =>
    transport.send({
      method: 'GET',
      path,
      query: { ...query, priority: query.priority?.join() },
      ...options,
    })
  const history = (id: number, query: PageOptions = {}, options: CallOptions = {}): Promise<HistoryPage> =>
    transport.send({ method: 'GET', path: `${path}/${id}/history`, query, ...options })

  return {
    /** Returns one page. */
    list,

    /** Iterates over all matching tasks, and fetches pages on demand. `limit` is the page size. */
    all: (query: Omit<ListOptions, 'cursor'> = {}, options: CallOptions = {}) =>
      iterate(
        cursor => list({ ...query, ...cursor }, options),
        page => page.tasks,
      ),

    get: (id: number, options: CallOptions = {}): Promise<Task> =>
      transport.send({ method: 'GET', path: `${path}/${id}`, ...options }),

    create: (task: NewTask, options: WriteOptions = {}): Promise<Task> =>
      transport.send({ method: 'POST', path, json: task, ...written(options) }),

    /**
     * Updates the given fields. A `description` of `null` clears it. Returns `undefined` if the
     * update changes nothing and the token lacks `tasks:read`.
     */
    update: (id: number, change: TaskChange, options: ConditionalOptions = {}): Promise<Task> =>
      transport.send({ method: 'PATCH', path: `${path}/${id}`, json: change, ...written(options) }),

    /** Moves the task and its descendants; to the end, unless a sibling is given. */
    move: (id: number, place: TaskPlace, options: WriteOptions = {}): Promise<Task> =>
      transport.send({ method: 'POST', path: `${path}/${id}/move`, json: place, ...written(options) }),

    /** Moves the task with its descendants to the trash. */
    remove: (id: number, options: ConditionalOptions = {}): Promise<void> =>
      transport.send({ method: 'DELETE', path: `${path}/${id}`, ...written(options) }),

    restore: (id: number, options: WriteOptions = {}): Promise<Task> =>
      transport.send({ method: 'POST', path: `${path}/${id}/restore`, ...written(options) }),

    /** Returns one page of the changes of a task, newest first. */
    history,

    /** Iterates over the changes of a task, newest first. */
    allHistory: (id: number, query: Omit<PageOptions, 'cursor'> = {}, options: CallOptions = {}) =>
      iterate(
        cursor => history(id, { ...query, ...cursor }, options),
        page => page.history,
      ),
  }
}
