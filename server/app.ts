import { createRequire } from 'node:module'
import type { BuildCompilerFromPool } from '@fastify/ajv-compiler'
import cors from '@fastify/cors'
import { type FastifyBaseLogger, type FastifyInstance, fastify } from 'fastify'
import { accounts } from './accounts/routes/routes.ts'
import type { Config } from './config/config.ts'
import type { ContractName } from './config/contract.ts'
import { basePath } from './config/public-url.ts'
import type { Context } from './context.ts'
import { stage2 } from './contracts/stage-2.ts'
import { taskApi } from './contracts/task-api.ts'
import { todoApp } from './contracts/todo-app.ts'
import { todos } from './contracts/todos.ts'
import { Admission } from './http/admission.ts'
import { Connections, connectionTimes } from './http/connections.ts'
import { answerError, type ErrorShape } from './http/error-reply.ts'
import { health } from './http/health.ts'
import { acceptAnyBody } from './http/json-body.ts'
import { metrics } from './http/metrics.ts'
import { noRoute } from './http/no-route.ts'
import { observe } from './http/observe.ts'
import { oneAfterAnother } from './http/one-after-another.ts'
import { type Contract, type Registration, register } from './http/register.ts'
import { refuseUnsoundHead, targetOf } from './http/request-head.ts'
import { requestIds } from './http/request-id.ts'
import { RequestLog } from './http/request-log.ts'
import { largestHead, longestBody } from './http/request-size.ts'
import { constantHeaders } from './http/security-headers.ts'
import { answerUnreadable } from './http/unreadable-request.ts'
import { documents } from './openapi/documents.ts'
import { openApi } from './openapi/openapi.ts'
import { matcherOf } from './origins.ts'
import { accountPages } from './pages/account-pages.ts'
import { watchLoad } from './telemetry/watched.ts'
import { exportAndDelete } from './v1/export-and-delete.ts'
import { v1 } from './v1/tasks.ts'
import { accessTokens } from './v1/tokens.ts'

/** What `/api/{user_id}/tasks` uses, by `CONTRACT`. */
const contracts: Readonly<Record<ContractName, Contract>> = {
  'task-api': taskApi,
  'stage-2': stage2,
  'todo-app': todoApp,
}

/** All route modules, in the order of the OpenAPI document. */
export function registrations(
  contract: ContractName,
  withAccounts = true,
  withMetrics = false,
): readonly Registration[] {
  const chosen = contracts[contract]
  const open = { errors: chosen, secured: false }
  const all: readonly Registration[] = [
    { module: v1, errors: v1, secured: true },
    { module: chosen, errors: chosen, secured: true },
    { module: todos, errors: todos, secured: true },
    { module: accessTokens, errors: v1, secured: true },
    { module: exportAndDelete, errors: v1, secured: true },
    ...(withAccounts
      ? [
          { module: accounts, errors: accounts, secured: false },
          { module: accountPages, errors: accountPages, secured: false, delegates: true },
        ]
      : []),
    { module: documents(base => openApi(all, base)), ...open },
    // A probe that is refused would have a healthy server restarted.
    { module: health, ...open, always: true },
    ...(withMetrics ? [{ module: metrics, ...open }] : []),
  ]
  return all
}

/** The server's routes, answering; it does not listen yet. */
export async function createApp(context: Context): Promise<FastifyInstance> {
  const { config, log, lifecycle } = context
  const all = registrations(config.contract, context.accounts !== undefined, isMetricsHere(config))
  const chosen = contracts[config.contract]
  const shapeOf = shapes(all, chosen)
  const allowed = config.corsOrigins
  const allows = matcherOf(allowed === '*' ? [] : allowed)
  const always = constantHeaders(config)
  const base = basePath(config.publicUrl)

  const app: FastifyInstance = fastify({
    loggerInstance: log as FastifyBaseLogger,
    // The request's id is on the lines that need it; a logger of its own per request costs more than its one line.
    childLoggerFactory: logger => logger,
    logController: new RequestLog(log),
    genReqId: requestIds(),
    requestIdHeader: false,
    bodyLimit: longestBody,
    ...connectionTimes,
    // A missing Host is refused in the shape of the path's contract.
    http: { ...connectionTimes.http, maxHeaderSize: largestHead, requireHostHeader: false },
    rewriteUrl: targetOf(base),
    // What arrives on a connection that is still in use is answered, and the connection is closed behind it.
    return503OnClosing: false,
    trustProxy: trustProxyOf(config.trustProxy),
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    schemaController: { compilersFactory: { buildValidator: lateValidator, buildSerializer: noSerializer } },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    clientErrorHandler: answerUnreadable(shapeOf, always, base),
    // Addresses that lead to no hook, so that none has them wait for the answer before theirs.
    frameworkErrors: (error, request, reply) => {
      if (reply.raw.socket === null) request.raw.socket.destroy()
      else answerError(shapeOf)(error, request, reply.headers(always) as never)
    },
  })
  app.decorate('base', base)
  acceptAnyBody(app)
  app.decorateRequest('userId', '')
  app.decorateRequest('grant', undefined)
  app.decorateRequest('isRejected', false)
  app.decorateRequest('auditFacts', undefined)
  app.setErrorHandler(answerError(shapeOf))
  const connections = new Connections(app.server, log)
  app.addHook('onClose', () => connections.stop())
  app.addHook('onRequest', oneAfterAnother())
  const constant = Object.entries(always)
  app.addHook('onRequest', (_request, reply, done) => {
    for (const [name, value] of constant) reply.header(name, value)
    if (lifecycle.stopping.aborted) reply.header('connection', 'close')
    done()
  })
  observe(app, context.telemetry)
  app.addHook('onRequest', refuseUnsoundHead)

  app.addHook('onRoute', route => {
    // The CORS plugin's, for preflights that it does not answer: without their body, as for any path without a route.
    if (route.method === 'OPTIONS') route.onRequest = (_request, reply) => reply.callNotFound()
  })
  await app.register(cors, {
    // Other origins, and programs that are no browser, get no word of CORS at all.
    origin:
      allowed === '*'
        ? '*'
        : (origin, answer) => answer(null, origin !== undefined && allows(origin) ? origin : false),
    credentials: allowed !== '*',
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [
      'set-auth-jwt',
      'ETag',
      'Link',
      'Location',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'Idempotent-Replayed',
      'X-Request-Id',
    ],
    maxAge: 600,
    strictPreflight: false,
  })
  const admission = new Admission(log)
  if (context.telemetry.metrics)
    watchLoad(context.telemetry.metrics, { admission, connections, streams: context.streams })
  for (const registration of all) await app.register(register(registration, context, admission))
  await app.register(noRoute(all, context.limits))
  return app
}

/** The compiler of schemas, a third of what a start would load: for those who sign up or in first. */
const lateValidator: BuildCompilerFromPool = (...given) => {
  const compiler = createRequire(import.meta.url)(
    '@fastify/ajv-compiler',
  ) as typeof import('@fastify/ajv-compiler')
  return compiler.default()(...given)
}

function noSerializer(): never {
  throw new Error('Routes have no schemas of Fastify: answers are written by the contract.')
}

/** Beside the tasks where a token guards it, and there is no port of its own. */
export function isMetricsHere({ metrics }: Pick<Config, 'metrics'>): boolean {
  return metrics?.token !== undefined && metrics.port === undefined
}

/** The error shape of a path, whether or not it has a route. */
function shapes(all: readonly Registration[], chosen: Contract): (path: string) => ErrorShape {
  const signsUp = all.some(({ module }) => module === accounts)
  const under = (path: string, prefix: string) => path === prefix || path.startsWith(`${prefix}/`)
  return path => {
    if (under(path, '/api/v1/todos')) return todos
    if (under(path, '/api/v1')) return v1
    if (signsUp && under(path, '/api/auth')) return accounts
    return signsUp && accountPages.routes.some(route => route.path === path) ? accountPages : chosen
  }
}

/** As Fastify wants it: whose `X-Forwarded-For` counts. */
function trustProxyOf(
  trusted: Config['trustProxy'],
): false | string[] | ((address: string, hop: number) => boolean) {
  if (typeof trusted !== 'number') return [...trusted]
  return trusted === 0 ? false : (_address, hop) => hop < trusted
}
