import type {
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  RouteOptions,
} from 'fastify'
import { auditOf } from '../audit.ts'
import { grantOf, requireUser } from '../auth/current-user.ts'
import type { Context } from '../context.ts'
import { countAddress } from '../limits/count-address.ts'
import type { Admission } from './admission.ts'
import { auditLog } from './audit-log.ts'
import { answerError, type ErrorShape } from './error-reply.ts'
import { ignoreTypeOfEmptyBody, passBodies } from './json-body.ts'
import type { LargeBodies } from './large-bodies.ts'
import { queryNames } from './query-names.ts'
import { longestBody } from './request-size.ts'
import { type Route, type RouteModule, routerPath } from './route.ts'
import { nonPageHeaders } from './security-headers.ts'

/** A wire format for tasks over HTTP. Its own file has its paths, shapes, limits and statuses. */
export interface Contract extends RouteModule, ErrorShape {}

/** A route module with the error shape and the access rules that the server applies to it. */
export interface Registration {
  readonly module: RouteModule
  readonly errors: ErrorShape
  /** Errors of paths below this one have the shape of `errors` even if no route matches. */
  readonly under?: string
  /** Whether a user is required. */
  readonly secured: boolean
  /** Answered also under overload and beyond rate limits: orchestrators call these. */
  readonly always?: true
  /** Its handlers call other routes of this server, which take the slots. */
  readonly delegates?: boolean
}

/** Registers the routes of one module. Bodies are read after the hooks, for a known caller. */
export function register(
  registration: Registration,
  context: Context,
  { admission, bodies }: { readonly admission: Admission; readonly bodies: LargeBodies },
): FastifyPluginCallback {
  const { module, errors } = registration
  return (scope, _options, done) => {
    scope.setErrorHandler(answerError(() => errors))
    scope.addHook('onRequest', admit(registration, context, admission))
    if (module.readsBodies) passBodies(scope)
    const audit = auditOf(context.log)
    for (const route of module.routes) {
      const { method, operation } = route
      scope.route({
        ...optionsOf(route),
        ...(operation.audited ? { onResponse: auditLog(auditNameOf(operation), audit) } : {}),
        ...(operation.body || method === 'GET' ? {} : { onRequest: ignoreTypeOfEmptyBody }),
        ...(route.bodyLimit && route.bodyLimit > longestBody
          ? { onRequest: bodies.hook(route.bodyLimit) }
          : {}),
        handler: handlerOf(route, registration, context, admission),
      })
    }
    done()
  }
}

function auditNameOf({ audited, id }: Route['operation']): string {
  return typeof audited === 'string' ? audited : id
}

type Hook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void

/** One hook before the handlers: overload, then the token or the address, and rate limits. */
function admit({ errors, secured, always }: Registration, context: Context, admission: Admission): Hook {
  if (secured) {
    const enter = requireUser(context.tokens, context.limits, context.hints)
    return (request, reply, done) => {
      if (admission.isFull) admission.reject(request, reply, errors)
      else enter(request, reply, done)
    }
  }
  const count = countAddress(context.limits)
  return (request, reply, done) => {
    reply.headers(nonPageHeaders)
    if (always) done()
    else if (admission.isFull) admission.reject(request, reply, errors)
    else count(request, reply, done)
  }
}

function handlerOf(
  route: Route,
  { secured, always, delegates }: Registration,
  context: Context,
  admission: Admission,
): RouteOptions['handler'] {
  const needsCheck = secured && route.method !== 'GET'
  const needsSlot = !always && !delegates && route.kind === undefined
  const checkQuery = queryNames(route)
  return (request, reply) => {
    const handle = () => {
      checkQuery(request)
      return route.handle(request, reply, context)
    }
    // A body may arrive 20 s after the token was verified.
    const checked = needsCheck ? () => handleChecked(request, handle) : handle
    const work = needsSlot ? () => admission.work(request, checked) : checked
    // Reading a body loses the async context in which the span began.
    return request.span ? request.span.within(work) : work()
  }
}

function handleChecked(request: FastifyRequest, handle: () => unknown): unknown {
  const checking = grantOf(request).check()
  return checking ? checking.then(handle) : handle()
}

function optionsOf({ method, path, scope, bodyLimit, kind, acceptsTicket }: Route) {
  return {
    method,
    url: routerPath(path),
    ...(bodyLimit === undefined ? {} : { bodyLimit }),
    config: {
      need: scope ?? (method === 'GET' ? 'tasks:read' : 'tasks:write'),
      isStream: kind === 'stream',
      acceptsTicket: acceptsTicket === true,
      label: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    },
  } as const
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
