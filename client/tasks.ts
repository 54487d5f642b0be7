import type { components, operations } from './schema.ts'
import type { Call, CallOptions, Transport } from './transport.ts'

export type Task = components['schemas']['Task']
export type NewTask = components['schemas']['NewTask']
export type TaskChange = components['schemas']['TaskChange']
export type TaskPage = Omit<components['schemas']['TaskList'], 'tasks'> & { tasks: Task[] }
/** Filters and order. Tasks come whole, without `fields`. */
export type ListOptions = Omit<NonNullable<operations['listTasks']['parameters']['query']>, 'fields'>

export interface WriteOptions extends CallOptions {
  /** Your key, if another process may retry. By default, each call generates one. */
  readonly idempotencyKey?: string
}

export interface ConditionalOptions extends WriteOptions {
  /** The task that you have. If it has changed since, the call fails with `precondition_failed`. */
  readonly ifMatch?: Pick<Task, 'revision'>
}

export type Tasks = ReturnType<typeof tasksOf>

const path = '/api/v1/tasks'

/** Requests on tasks. The transport can repeat them, because writes have an Idempotency-Key. */
export function tasksOf(transport: Transport) {
  const list = (query: ListOptions = {}, options: CallOptions = {}): Promise<TaskPage> =>
    transport.send({
      method: 'GET',
      path,
      query: { ...query, priority: query.priority?.join() },
      ...options,
    })

  return {
    /** Returns one page. */
    list,

    /** Iterates over all matching tasks, and fetches pages on demand. `limit` is the page size. */
    async *all(
      query: Omit<ListOptions, 'cursor'> = {},
      options: CallOptions = {},
    ): AsyncGenerator<Task, void, undefined> {
      let cursor: string | null | undefined
      do {
        const page: TaskPage = await list({ ...query, ...(cursor ? { cursor } : {}) }, options)
        yield* page.tasks
        cursor = page.next_cursor
      } while (cursor)
    },

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

    remove: (id: number, options: ConditionalOptions = {}): Promise<void> =>
      transport.send({ method: 'DELETE', path: `${path}/${id}`, ...written(options) }),
  }
}

function written({ idempotencyKey, ifMatch, signal }: ConditionalOptions): Pick<Call, 'headers' | 'signal'> {
  return {
    headers: {
      'idempotency-key': idempotencyKey ?? crypto.randomUUID(),
      ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch.revision}"` }),
    },
    ...(signal === undefined ? {} : { signal }),
  }
}
