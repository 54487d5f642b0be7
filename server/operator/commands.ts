import type { OperatorCommand } from './command.ts'
import { keysCommand } from './keys.ts'
import { snapshotOrder } from './snapshot.ts'
import { userCommand } from './user.ts'

/** What a server can be asked to do. */
export const commands: Readonly<Record<'user' | 'keys' | 'snapshot', OperatorCommand>> = {
  user: userCommand,
  keys: keysCommand,
  snapshot: snapshotOrder,
}
