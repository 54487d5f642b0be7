import { type Tasks, tasksOf } from './tasks.ts'
import { type ConnectOptions, checkOptions, Transport } from './transport.ts'

export { DulyConnectionError, DulyError, type FailedRequest, type NoAnswer, type Problem } from './errors.ts'
export type { ListOptions, NewTask, Task, TaskChange, TaskPage, Tasks, WriteOptions } from './tasks.ts'
export type { CallOptions, ConnectOptions } from './transport.ts'

export interface Client {
  readonly tasks: Tasks
}

/**
 * Creates a client for a server and the user of the token. It keeps no connection open and needs no
 * closing.
 * @throws TypeError for missing or invalid options
 */
export function createClient(options: ConnectOptions): Client {
  checkOptions(options)
  return { tasks: tasksOf(new Transport(options)) }
}
