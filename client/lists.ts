import { iterate } from './pages.ts'
import type { components } from './schema.ts'
import type { CallOptions, Transport } from './transport.ts'
import { type ConditionalOptions, type WriteOptions, written } from './writes.ts'

export type List = components['schemas']['List']
/** A list as writes return it, without `open_task_count`. */
export type ChangedList = components['schemas']['ChangedList']
export type NewList = components['schemas']['NewList']
export type ListChange = components['schemas']['ListChange']
export type ListPlace = components['schemas']['ListPlace']
export type ListPage = components['schemas']['ListList']

export interface RemoveListOptions extends ConditionalOptions {
  /** Where the tasks of the list are moved. By default, they are deleted with it. */
  readonly moveTasksTo?: number | 'inbox'
}

export type Lists = ReturnType<typeof listsOf>

const path = '/api/v1/lists'

// The entity tag of a list ends with the owner's revision, which If-Match ignores.
const conditional = ({ ifMatch, ...options }: ConditionalOptions) => {
  const { headers, ...rest } = written(options)
  return {
    ...rest,
    headers: { ...headers, ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch.revision}-0"` }) },
  }
}

export function listsOf(transport: Transport) {
  const list = (options: CallOptions = {}): Promise<ListPage> =>
    transport.send({ method: 'GET', path, ...options })

  return {
    /** Returns the lists in their order. */
    list,

    /** Iterates over the lists in their order. */
    all: (options: CallOptions = {}) =>
      iterate(
        () => list(options),
        page => page.lists,
      ),

    get: (id: number, options: CallOptions = {}): Promise<List> =>
      transport.send({ method: 'GET', path: `${path}/${id}`, ...options }),

    create: (list: NewList, options: WriteOptions = {}): Promise<ChangedList> =>
      transport.send({ method: 'POST', path, json: list, ...written(options) }),

    update: (id: number, change: ListChange, options: ConditionalOptions = {}): Promise<ChangedList> =>
      transport.send({ method: 'PATCH', path: `${path}/${id}`, json: change, ...conditional(options) }),

    /** Moves the list to the end, unless another list is given. */
    move: (id: number, place: ListPlace, options: WriteOptions = {}): Promise<ChangedList> =>
      transport.send({ method: 'POST', path: `${path}/${id}/move`, json: place, ...written(options) }),

    /** Moves the list to the trash, with its tasks. */
    remove: (id: number, { moveTasksTo, ...options }: RemoveListOptions = {}): Promise<void> =>
      transport.send({
        method: 'DELETE',
        path: `${path}/${id}`,
        query: { move_tasks_to: moveTasksTo },
        ...conditional(options),
      }),

    restore: (id: number, options: WriteOptions = {}): Promise<ChangedList> =>
      transport.send({ method: 'POST', path: `${path}/${id}/restore`, ...written(options) }),
  }
}
