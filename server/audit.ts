import { createHash } from 'node:crypto'
import type { Log } from './log.ts'

/**
 * A log that writes at level info whatever LOG_LEVEL says, unless it is silent: audit lines must
 * not be lost.
 */
export function auditOf(log: Log): Log {
  return log.isLevelEnabled('fatal') ? log.child({}, { level: 'info' }) : log
}

/**
 * An email address in the audit log: a hash, so that its lines can be found by those who know the
 * address.
 */
export function emailSha256(email: string): string {
  return createHash('sha256').update(email.toLowerCase()).digest('hex')
}
