import type { FastifyPluginCallback, FastifyRequest, onRequestHookHandler } from 'fastify'
import { auditOf } from '../audit.ts'
import { grantOf, requireUser } from '../auth/current-user.ts'
import type { Context } from '../context.ts'
import { countAddress } from '../limits/count-address.ts'
import type { Admission } from './admission.ts'
import { record } from './audited.ts'
import { answerError, type ErrorShape } from './error-reply.ts'
import { forgetTypeOfNothing } from './json-body.ts'
import { bind, type Family, type Route } from './route.ts'
import { unrendered } from './security-headers.ts'

/** One way of speaking about tasks over HTTP. Its paths, shapes, limits and statuses stand in its own file. */
export interface Contract extends Family, ErrorShape {}

/** Routes as the server answers them: who may call, and how failures are told. */
export interface Section {
  readonly family: Family
  readonly errors: ErrorShape
  /** Whether a user is required. */
  readonly secured: boolean
  /** Answered however much is going on: orchestrators ask. */
  readonly always?: true
  /** Its routes call other routes of this server, which take the slots. */
  readonly delegates?: boolean
}

/** The scope in which a section's routes stand. Bodies are read late, once it is known who sends them. */
export function speak(
  { family, errors, secured, always, delegates }: Section,
  context: Context,
  admission: Admission,
): FastifyPluginCallback {
  return (scope, _options, done) => {
    scope.setErrorHandler(answerError(() => errors))
    if (!secured) scope.addHook('onRequest', sayUnrendered)
    if (!always) scope.addHook('onRequest', admission.hook(errors))
    if (secured) scope.addHook('onRequest', requireUser(context.tokens, context.limits))
    else if (!always) scope.addHook('onRequest', countAddress(context.limits))
    const audit = auditOf(context.log)
    const options = ({ method, operation }: Route) => ({
      ...(operation.audited ? { onResponse: record(operation.id, audit) } : {}),
      ...(operation.body || method === 'GET' ? {} : { onRequest: forgetTypeOfNothing }),
    })
    bind(scope, family.routes, options, (route, request, reply) => {
      const handle = () => route.handle(request, reply, context)
      // The body came after the token was checked, perhaps by 20 s.
      const checked = secured && route.method !== 'GET' ? () => handleChecked(request, handle) : handle
      const needsSlot = !always && !delegates && route.kind !== 'stream'
      const work = needsSlot ? () => admission.work(request, checked) : checked
      // Reading a body loses the context in which it began.
      return request.span ? request.span.within(work) : work()
    })
    done()
  }
}

function handleChecked(request: FastifyRequest, handle: () => unknown): unknown {
  const asked = grantOf(request).check()
  return asked ? asked.then(handle) : handle()
}

const sayUnrendered: onRequestHookHandler = (_request, reply, done) => {
  reply.headers(unrendered)
  done()
}

/** A path at which tasks stand, and what the document's operation ids call them. */
export interface Collection {
  readonly path: string
  readonly noun: string
}

/** The two that `CONTRACT` speaks for: with the owner in the path, and with the owner of the token. */
export const ownerCollections: readonly Collection[] = [
  { path: '/api/{user_id}/tasks', noun: 'UserTask' },
  { path: '/api/tasks', noun: 'MyTask' },
]
