import type { Context } from '../../client/sync/context.ts'
import { networkOf } from '../../client/sync/network.ts'
import { transport } from '../model/api.ts'

// Loaded by load-later.ts.

export { beginDrag } from '../tasks/dragging.ts'
export { NewList } from './new-list.tsx'
export { PasswordReminder } from './password-reminder.tsx'
export { registerWorker } from './worker.ts'

export const connect = (context: Context) => networkOf(context, transport)
