import type { Context } from '../../client/sync/context.ts'
import { networkOf } from '../../client/sync/network.ts'
import { transport } from './api.ts'

// Loaded while the tasks on this device are shown.

export { registerWorker } from '../app/worker.ts'

export const connect = (context: Context) => networkOf(context, transport)
