import { createHash } from 'node:crypto'
import type { Log } from './log.ts'

/** A log that writes at level info whatever LOG_LEVEL says, unless it is silent. */
export function auditOf(log: Log): Log {
  return log.isLevelEnabled('fatal') ? log.child({}, { level: 'info' }) : log
}

/** A hash of an email address: those who know the address can find its lines in the log. */
export function emailSha256(email: string): string {
  return createHash('sha256').update(email.toLowerCase()).digest('hex')
}
