import type { Context } from '../../client/sync/context.ts'
import { networkOf } from '../../client/sync/network.ts'
import { transport } from '../model/api.ts'

// What the first screen needs soon after it is painted, loaded with one request.

export { beginDrag } from '../tasks/dragging.ts'
export { NewList } from './new-list.tsx'
export { PasswordReminder } from './password-reminder.tsx'
export { registerWorker } from './worker.ts'

export const connect = (context: Context) => networkOf(context, transport)
