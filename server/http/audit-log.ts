import type { onResponseHookHandler } from 'fastify'
import type { Log } from '../log.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What the handler of an audited call adds to the log. A token's user is in `userId`. */
    auditFacts: AuditFacts | undefined
  }
}

interface AuditFacts {
  readonly user?: string | undefined
  /** Of the address that was given. */
  readonly emailSha256?: string | undefined
  readonly beginsSession?: boolean
}

/** A hook that logs each call of an audited operation, also those rejected before the handler. */
export function auditLog(operation: string, log: Log): onResponseHookHandler {
  return (request, reply, done) => {
    if (request.isRejected) return done()
    const { user, emailSha256, beginsSession } = request.auditFacts ?? {}
    log.info(
      {
        audit: operation,
        outcome: reply.statusCode < 400 ? 'success' : 'failure',
        status: reply.statusCode,
        user: request.userId || user,
        emailSha256,
        session: beginsSession ? 'begun' : undefined,
        address: request.ip,
        reqId: request.id,
      },
      'audit',
    )
    done()
  }
}
