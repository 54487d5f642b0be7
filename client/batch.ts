import type { ChangedList, ListChange, NewList } from './lists.ts'
import type { NewTask, Task, TaskChange, TaskPlace } from './tasks.ts'
import type { Transport } from './transport.ts'
import { type ConditionalOptions, type WriteOptions, written } from './writes.ts'

/** What an operation returns about a task or list that it does not show. */
export interface Deleted {
  readonly type: 'task' | 'list'
  readonly id: number
  /** False: the token may not read, and the batch has not changed the item. */
  readonly deleted: boolean
}

/** An operation of a batch. `Result` is what it returns, unless a later one deletes the item. */
export interface Operation<Result> {
  readonly body: Readonly<Record<string, unknown>>
  /** Only in types. */
  readonly result?: Result
}

/** An operation that creates an item, which stands for the id in later operations of its batch. */
interface Creating<Kind extends 'task' | 'list', Result> extends Operation<Result> {
  readonly creates: Kind
}

export type TaskResult = { readonly task: Task }
export type ListResult = { readonly list: ChangedList }
export type TaskId = number | Creating<'task', TaskResult>
export type ListId = number | Creating<'list', ListResult>

interface Placed {
  readonly list_id?: ListId | null
  readonly parent_id?: TaskId | null
}
type WithRefs<T> = Omit<T, keyof Placed> & Placed
interface Siblings {
  readonly before?: TaskId | null
  readonly after?: TaskId | null
}
/** The item that you have, as for single writes. */
type Expected = Pick<ConditionalOptions, 'ifMatch'>
const expected = ({ ifMatch }: Expected) => (ifMatch === undefined ? {} : { revision: ifMatch.revision })

/** Makes the operations of a batch. */
export const operation = {
  create: (task: WithRefs<NewTask>): Creating<'task', TaskResult> => ({
    creates: 'task',
    body: { op: 'create', task },
  }),
  update: (id: TaskId, changes: WithRefs<TaskChange>, options: Expected = {}): Operation<TaskResult> => ({
    body: { op: 'update', id, changes, ...expected(options) },
  }),
  move: (id: TaskId, place: Omit<WithRefs<TaskPlace>, keyof Siblings> & Siblings): Operation<TaskResult> => ({
    body: { ...place, op: 'move', id },
  }),
  remove: (id: TaskId, options: Expected = {}): Operation<Deleted> => ({
    body: { op: 'delete', id, ...expected(options) },
  }),
  restore: (id: TaskId): Operation<TaskResult> => ({ body: { op: 'restore', id } }),
  createList: (list: NewList): Creating<'list', ListResult> => ({
    creates: 'list',
    body: { op: 'create_list', list },
  }),
  updateList: (id: ListId, changes: ListChange, options: Expected = {}): Operation<ListResult> => ({
    body: { op: 'update_list', id, changes, ...expected(options) },
  }),
  removeList: (
    id: ListId,
    { moveTasksTo }: { readonly moveTasksTo?: ListId | 'inbox' } = {},
  ): Operation<Deleted> => ({
    body: { op: 'delete_list', id, ...(moveTasksTo === undefined ? {} : { move_tasks_to: moveTasksTo }) },
  }),
}

export interface BatchOptions extends WriteOptions {
  /** Checks the batch and returns its results, but stores nothing. */
  readonly dryRun?: boolean
}

export type Results<Operations extends readonly Operation<unknown>[]> = {
  readonly [N in keyof Operations]: Operations[N] extends Operation<infer Result> ? Result : never
}

export interface BatchResult<Operations extends readonly Operation<unknown>[]> {
  readonly results: Results<Operations>
  /** For `undo`. Null if nothing changed, as in a dry run. */
  readonly change: string | null
}

export function batchOf(transport: Transport) {
  /**
   * Runs 1 to 100 operations as one change: all of them or none.
   * @throws TypeError if an operation refers to one that is not before it
   */
  return async <const Operations extends readonly Operation<unknown>[]>(
    operations: Operations,
    { dryRun = false, ...options }: BatchOptions = {},
  ): Promise<BatchResult<Operations>> => {
    const { results, change = null } = await transport.send<{
      results: Results<Operations>
      change?: string | null
    }>({
      method: 'POST',
      path: '/api/v1/batch',
      query: { dry_run: dryRun || undefined },
      json: { operations: operations.map((one, n) => bodyOf(one, operations.slice(0, n))) },
      ...written(options),
    })
    return { results, change }
  }
}

const ids = ['id', 'list_id', 'parent_id', 'before', 'after', 'move_tasks_to']

/** The body of an operation, with refs in place of operations. */
function bodyOf(one: Operation<unknown>, before: readonly Operation<unknown>[]): Record<string, unknown> {
  const resolve = (part: object): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(part).map(([name, value]: [string, unknown]) => {
        if (name === 'task' || name === 'changes') return [name, resolve(value as object)]
        if (!ids.includes(name) || typeof value !== 'object' || value === null) return [name, value]
        const place = before.indexOf(value as Operation<unknown>)
        if (place < 0) throw new TypeError(`batch: the operation in "${name}" must come before its use.`)
        return [name, `$${place}`]
      }),
    )
  return { ...resolve(one.body), ...('creates' in one ? { ref: String(before.length) } : {}) }
}
