import type { OperatorCommand } from './command.ts'
import { keysCommand } from './keys.ts'
import { snapshotCommand } from './snapshot.ts'
import { userCommand } from './user.ts'

/** The commands that a server executes for other processes. */
export const commands: Readonly<Record<'user' | 'keys' | 'snapshot', OperatorCommand>> = {
  user: userCommand,
  keys: keysCommand,
  snapshot: snapshotCommand,
}
