import type { FastifyPluginCallback, FastifyRequest, onRequestHookHandler } from 'fastify'
import { auditOf } from '../audit.ts'
import { grantOf, requireUser } from '../auth/current-user.ts'
import type { Context } from '../context.ts'
import { countAddress } from '../limits/count-address.ts'
import type { Admission } from './admission.ts'
import { auditLog } from './audit-log.ts'
import { answerError, type ErrorShape } from './error-reply.ts'
import { ignoreTypeOfEmptyBody } from './json-body.ts'
import { bind, type Route, type RouteModule } from './route.ts'
import { nonPageHeaders } from './security-headers.ts'

/** A wire format for tasks over HTTP. Its paths, shapes, limits and statuses are in its own file. */
export interface Contract extends RouteModule, ErrorShape {}

/** A route module with the error shape and the access rules that the server applies to it. */
export interface Registration {
  readonly module: RouteModule
  readonly errors: ErrorShape
  /** Whether a user is required. */
  readonly secured: boolean
  /** Answered also under overload and beyond rate limits: orchestrators call these. */
  readonly always?: true
  /** Its handlers call other routes of this server, which take the slots. */
  readonly delegates?: boolean
}

/** Registers the routes of one module. Bodies are read after the hooks, when the caller is known. */
export function register(
  { module, errors, secured, always, delegates }: Registration,
  context: Context,
  admission: Admission,
): FastifyPluginCallback {
  return (scope, _options, done) => {
    scope.setErrorHandler(answerError(() => errors))
    if (!secured) scope.addHook('onRequest', sendNonPageHeaders)
    if (!always) scope.addHook('onRequest', admission.hook(errors))
    if (secured) scope.addHook('onRequest', requireUser(context.tokens, context.limits))
    else if (!always) scope.addHook('onRequest', countAddress(context.limits))
    const audit = auditOf(context.log)
    const options = ({ method, operation }: Route) => ({
      ...(operation.audited ? { onResponse: auditLog(operation.id, audit) } : {}),
      ...(operation.body || method === 'GET' ? {} : { onRequest: ignoreTypeOfEmptyBody }),
    })
    bind(scope, module.routes, options, (route, request, reply) => {
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

const sendNonPageHeaders: onRequestHookHandler = (_request, reply, done) => {
  reply.headers(nonPageHeaders)
  done()
}

/** A path of tasks, and the noun in its operation ids. */
export interface Collection {
  readonly path: string
  readonly noun: string
}

/** The two collections of `CONTRACT`: owner in the path, and owner of the token. */
export const ownerCollections: readonly Collection[] = [
  { path: '/api/{user_id}/tasks', noun: 'UserTask' },
  { path: '/api/tasks', noun: 'MyTask' },
]
