import type { OperatorCommand } from './command.ts'
import { keysCommand } from './keys.ts'
import { snapshotCommand } from './snapshot.ts'
import { userCommand } from './user.ts'
import { webhooksCommand } from './webhooks.ts'

/** The commands that a server executes for other processes. */
export const commands: Readonly<Record<'user' | 'keys' | 'webhooks' | 'snapshot', OperatorCommand>> = {
  user: userCommand,
  keys: keysCommand,
  webhooks: webhooksCommand,
  snapshot: snapshotCommand,
}
