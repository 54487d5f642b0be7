import { createRequire } from 'node:module'
import type { BuildCompilerFromPool } from '@fastify/ajv-compiler'
import cors from '@fastify/cors'
import { type FastifyBaseLogger, type FastifyInstance, type FastifyPluginCallback, fastify } from 'fastify'
import { accessTokens } from './api/access-tokens.ts'
import { accounts } from './api/accounts.ts'
import { Admission } from './api/admission.ts'
import { Connections, connectionTimes } from './api/connections.ts'
import { type Contract, type Section, speak } from './api/contract.ts'
import { documents } from './api/documents.ts'
import { answerError, type ErrorShape } from './api/error-reply.ts'
import { health } from './api/health.ts'
import { leaving } from './api/leaving.ts'
import { metrics } from './api/metrics.ts'
import { observe } from './api/observe.ts'
import { oneAfterAnother } from './api/one-after-another.ts'
import { openApi } from './api/openapi.ts'
import { requestIds } from './api/request-id.ts'
import { RequestLog } from './api/request-log.ts'
import { largestHead, longestBody, refuseOversized } from './api/request-size.ts'
import { headersOfAll } from './api/security-headers.ts'
import { stage2 } from './api/stage-2.ts'
import { taskApi } from './api/task-api.ts'
import { todoApp } from './api/todo-app.ts'
import { todos } from './api/todos.ts'
import { answerUnreadable } from './api/unreadable-request.ts'
import { v1 } from './api/v1.ts'
import type { Config, ContractName } from './config.ts'
import type { Context } from './context.ts'
import { AppError } from './errors.ts'
import { countAddress } from './limits/count-address.ts'
import { watchDoor } from './telemetry/watched.ts'

/** What `/api/{user_id}/tasks` can speak; `CONTRACT` chooses. */
const contracts: Readonly<Record<ContractName, Contract>> = {
  'task-api': taskApi,
  'stage-2': stage2,
  'todo-app': todoApp,
}

/** The map of the server: every family of routes, in reading order. */
export function sections(
  contract: ContractName,
  withAccounts = true,
  withMetrics = false,
): readonly Section[] {
  const chosen = contracts[contract]
  const open = { errors: chosen, secured: false }
  const map: readonly Section[] = [
    { family: v1, errors: v1, secured: true },
    { family: chosen, errors: chosen, secured: true },
    { family: todos, errors: todos, secured: true },
    { family: accessTokens, errors: v1, secured: true },
    { family: leaving, errors: v1, secured: true },
    ...(withAccounts ? [{ family: accounts, errors: accounts, secured: false }] : []),
    { family: documents(() => openApi(map)), ...open },
    // A probe that is refused would have a healthy server restarted.
    { family: health, ...open, always: true },
    ...(withMetrics ? [{ family: metrics, ...open }] : []),
  ]
  return map
}

/** The server's routes, answering; it does not listen yet. */
export async function createApp(context: Context): Promise<FastifyInstance> {
  const { config, log, lifecycle } = context
  const map = sections(config.contract, context.accounts !== undefined, isMetricsHere(config))
  const chosen = contracts[config.contract]
  const shapeOf = shapes(map, chosen)
  const allowed = config.corsOrigins
  const always = headersOfAll(config)

  const app: FastifyInstance = fastify({
    loggerInstance: log as FastifyBaseLogger,
    // The request's id is on the lines that need it; a logger of its own per request costs more than its one line.
    childLoggerFactory: logger => logger,
    logController: new RequestLog(log),
    genReqId: requestIds(),
    requestIdHeader: false,
    bodyLimit: longestBody,
    ...connectionTimes,
    http: { ...connectionTimes.http, maxHeaderSize: largestHead },
    // What arrives on a connection that is still in use is answered, and the connection is closed behind it.
    return503OnClosing: false,
    trustProxy: trustProxyOf(config.trustProxy),
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    schemaController: { compilersFactory: { buildValidator: lateValidator, buildSerializer: noSerializer } },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    clientErrorHandler: answerUnreadable(shapeOf, always),
    // Addresses that lead to no hook, so that none has them wait for the answer before theirs.
    frameworkErrors: (error, request, reply) => {
      if (reply.raw.socket === null) request.raw.socket.destroy()
      else answerError(shapeOf)(error, request, reply.headers(always) as never)
    },
  })
  app.decorateRequest('userId', '')
  app.decorateRequest('grant', undefined)
  app.decorateRequest('isTurnedAway', false)
  app.decorateRequest('learnt', undefined)
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
  app.addHook('onRequest', refuseOversized)

  await app.register(cors, {
    // Other origins, and programs that are no browser, get no word of CORS at all.
    origin:
      allowed === '*'
        ? '*'
        : (origin, answer) => answer(null, allowed.find(name => name === origin) ?? false),
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
    watchDoor(context.telemetry.metrics, { admission, connections, streams: context.streams })
  for (const section of map) await app.register(speak(section, context, admission))
  await app.register(nowhere(context))
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

/** What answers where there is no route. */
function nowhere({ limits }: Context): FastifyPluginCallback {
  return (scope, _options, done) => {
    scope.addHook('onRequest', countAddress(limits))
    scope.setNotFoundHandler((request, reply) => {
      // A preflight from an origin that was not named, or none at all: an answer, that lets nobody in.
      if (request.method === 'OPTIONS') return reply.code(204).send()
      throw new AppError('route_not_found', 'There is nothing at this address.')
    })
    done()
  }
}

/** Whose way of telling failures goes with an address at which there may be nothing: that of the nearest contract. */
function shapes(map: readonly Section[], otherwise: ErrorShape): (path: string) => ErrorShape {
  return path => {
    const near = map.find(({ family }) => family.routes.some(route => path.startsWith(route.path)))
    return near?.errors ?? otherwise
  }
}

/** As Fastify wants it: whose `X-Forwarded-For` counts. */
function trustProxyOf(
  trusted: Config['trustProxy'],
): false | string[] | ((address: string, hop: number) => boolean) {
  if (typeof trusted !== 'number') return [...trusted]
  return trusted === 0 ? false : (_address, hop) => hop < trusted
}
