import type { onResponseHookHandler } from 'fastify'
import type { Log } from '../log.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What an audited call has learnt on its way; the user of a token is in `userId`. */
    learnt: Learnt | undefined
  }
}

export interface Learnt {
  readonly user?: string | undefined
  /** Of the address that was given. */
  readonly emailSha256?: string | undefined
  readonly beginsSession?: boolean
}

/** A hook that notes who has called an operation from where, and whether it was refused: by whom ever, also before its handler. */
export function record(operation: string, log: Log): onResponseHookHandler {
  return (request, reply, done) => {
    if (request.isTurnedAway) return done()
    const { user, emailSha256, beginsSession } = request.learnt ?? {}
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
