import { backupOrder } from './backup.ts'
import { checkOrder } from './check.ts'
import type { OperatorCommand } from './command.ts'
import { keysCommand } from './keys.ts'
import { userCommand } from './user.ts'

/** What a server can be asked to do. */
export const commands: Readonly<Record<'user' | 'keys' | 'backup' | 'check', OperatorCommand>> = {
  user: userCommand,
  keys: keysCommand,
  backup: backupOrder,
  check: checkOrder,
}
