import type { Context } from '../../client/sync/context.ts'
import { networkOf } from '../../client/sync/network.ts'
import { transport } from '../model/api.ts'

// What the first screen needs soon after it is painted, loaded with one request.

export { beginDrag } from '../tasks/dragging.ts'
export { Keep } from './keep.tsx'
export { NewList } from './new-list.tsx'
export { registerWorker } from './worker.ts'

export const connect = (context: Context) => networkOf(context, transport)
