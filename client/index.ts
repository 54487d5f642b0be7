import { type Tasks, tasksOf } from './tasks.ts'
import { type ConnectOptions, Transport } from './transport.ts'

export { DulyError, type Problem } from './errors.ts'
export type { ListOptions, NewTask, Task, TaskChange, TaskPage, Tasks, WriteOptions } from './tasks.ts'
export type { CallOptions, ConnectOptions } from './transport.ts'

export interface Client {
  readonly tasks: Tasks
}

/** A client of one Duly, for the user whose token it is given. It holds no connection: there is nothing to close. */
export function createClient(options: ConnectOptions): Client {
  return { tasks: tasksOf(new Transport(options)) }
}
