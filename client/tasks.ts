import type { components, operations } from './schema.ts'
import type { Call, CallOptions, Transport } from './transport.ts'

export type Task = components['schemas']['Task']
export type NewTask = components['schemas']['NewTask']
export type TaskChange = components['schemas']['TaskChange']
export type TaskPage = components['schemas']['TaskList']
export type ListOptions = NonNullable<operations['listTasks']['parameters']['query']>

export interface WriteOptions extends CallOptions {
  /** Your own key, where a retry may come from another process; else each call makes one for its attempts. */
  readonly idempotencyKey?: string
}

export interface ConditionalOptions extends WriteOptions {
  /** The task as you know it: where it has changed since, the call fails with `precondition_failed`. */
  readonly ifMatch?: Pick<Task, 'revision'>
}

export type Tasks = ReturnType<typeof tasksOf>

const path = '/api/v1/tasks'

/** The calls on tasks. All of them may be repeated by the transport: each write carries an Idempotency-Key. */
export function tasksOf(transport: Transport) {
  const list = (query: ListOptions = {}, options: CallOptions = {}): Promise<TaskPage> =>
    transport.send({ method: 'GET', path, query, ...options })

  return {
    /** One page. */
    list,

    /** Every task that fits, page by page, as they are asked for. `limit` is the size of a page. */
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
     * Changes what is given; a `description` of `null` clears it. With a token that may not read tasks, a change that changes
     * nothing gives `undefined`.
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
