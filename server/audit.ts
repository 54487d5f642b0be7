import { createHash } from 'node:crypto'
import type { Log } from './log.ts'

/** A log whose lines are written whatever LOG_LEVEL leaves out, unless it is silent: what they say is looked for long after. */
export function auditOf(log: Log): Log {
  return log.isLevelEnabled('fatal') ? log.child({}, { level: 'info' }) : log
}

/** As the audit log names an e-mail address: who knows the address finds its lines, nobody reads it there. */
export function emailSha256(email: string): string {
  return createHash('sha256').update(email.toLowerCase()).digest('hex')
}
