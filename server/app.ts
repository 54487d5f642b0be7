import { type FastifyInstance, fastify } from 'fastify'
import { signInForTokens } from './accounts/front-ends/sign-in-routes.ts'
import { signedIn } from './accounts/front-ends/signed-in-routes.ts'
import { accounts } from './accounts/routes/routes.ts'
import type { Config } from './config/config.ts'
import type { ContractName } from './config/contract.ts'
import { basePath } from './config/public-url.ts'
import type { Context } from './context.ts'
import type { Legacy } from './contracts/declaration.ts'
import { legacyContract } from './contracts/legacy.ts'
import { stage2 } from './contracts/stage-2.ts'
import { taskApi } from './contracts/task-api.ts'
import { todoApp } from './contracts/todo-app.ts'
import { todos as alwaysOn } from './contracts/todos.ts'
import { Admission } from './http/admission.ts'
import { limitConnections } from './http/connections.ts'
import { allowOrigins } from './http/cors.ts'
import { answerError } from './http/error-reply.ts'
import { errorShapes } from './http/error-shapes.ts'
import { health } from './http/health.ts'
import { receiveRequests } from './http/incoming-request.ts'
import { acceptAnyBody } from './http/json-body.ts'
import { LargeBodies } from './http/large-bodies.ts'
import { metrics } from './http/metrics.ts'
import { noRoute } from './http/no-route.ts'
import { observe } from './http/observe.ts'
import { type Registration, register } from './http/register.ts'
import { constantHeaders } from './http/security-headers.ts'
import { serverOptions } from './http/server-options.ts'
import { documents } from './openapi/documents.ts'
import { openApi } from './openapi/openapi.ts'
import { accountPages } from './pages/account-pages.ts'
import { watchLoad } from './telemetry/watched.ts'
import { batchRoutes } from './v1/batch.ts'
import { countRoutes } from './v1/counts.ts'
import { sync } from './v1/events.ts'
import { exportAndDelete } from './v1/export-and-delete.ts'
import { importRoutes } from './v1/import.ts'
import { listRoutes } from './v1/lists.ts'
import { settingsRoutes } from './v1/settings.ts'
import { tagRoutes } from './v1/tags.ts'
import { v1 } from './v1/tasks.ts'
import { accessTokens } from './v1/tokens.ts'
import { trashRoutes } from './v1/trash.ts'
import { undoRoutes } from './v1/undo.ts'
import { webhookRoutes } from './v1/webhooks.ts'
import { webApp, webSignIn } from './web/web-app.ts'

/** The contracts of `/api/{user_id}/tasks` and `/api/tasks`, by `CONTRACT`. */
const contracts: Readonly<Record<ContractName, Legacy>> = {
  'task-api': taskApi,
  'stage-2': stage2,
  'todo-app': todoApp,
}

/** All route modules, in the order of the OpenAPI document. */
export function registrations(
  config: Pick<Config, 'contract' | 'contractOptions' | 'accounts' | 'metrics' | 'web'>,
): readonly Registration[] {
  const contract = legacyContract(contracts[config.contract], config.contractOptions)
  const todos = legacyContract(alwaysOn)
  const open = { errors: contract, secured: false }
  const all: readonly Registration[] = [
    { module: v1, errors: v1, under: '/api/v1', secured: true },
    { module: contract, errors: contract, under: '', secured: true },
    { module: todos, errors: todos, under: '/api/v1/todos', secured: true },
    ...[listRoutes, tagRoutes, trashRoutes, batchRoutes, undoRoutes, settingsRoutes, sync].map(module => ({
      module,
      errors: v1,
      secured: true,
    })),
    { module: countRoutes, errors: v1, secured: true },
    { module: accessTokens, errors: v1, secured: true },
    { module: webhookRoutes, errors: v1, secured: true },
    { module: exportAndDelete, errors: v1, secured: true },
    { module: importRoutes, errors: v1, secured: true },
    ...(config.accounts
      ? [
          { module: accounts, errors: accounts, under: '/api/auth', secured: false },
          { module: signInForTokens, ...open },
          { module: signedIn, errors: contract, secured: true },
          { module: accountPages, errors: accountPages, secured: false, delegates: true },
          ...(config.web
            ? [
                { module: webSignIn, errors: accounts, secured: false },
                { module: webApp, ...open },
              ]
            : []),
        ]
      : []),
    { module: documents(base => openApi(all, base)), ...open },
    { module: health, ...open, always: true },
    ...(config.metrics?.token !== undefined && config.metrics.port === undefined
      ? [{ module: metrics, ...open }]
      : []),
  ]
  return all
}

/** The HTTP server with its hooks and routes. It does not listen yet. */
export async function createApp(context: Context): Promise<FastifyInstance> {
  const { config, log, streams, telemetry } = context
  const routes = registrations({ ...config, accounts: context.accounts !== undefined })
  const shapeOf = errorShapes(routes)
  const headers = constantHeaders(config)
  const base = basePath(config.publicUrl)
  const app: FastifyInstance = fastify(serverOptions(context, { shapeOf, headers, base }))
  const admission = new Admission(log)
  const connections = limitConnections(app, log)
  if (telemetry.metrics) watchLoad(telemetry.metrics, { admission, connections, streams, sync: context.sync })

  app.decorate('base', base)
  app.setErrorHandler(answerError(shapeOf))
  acceptAnyBody(app)

  receiveRequests(app, context, headers)
  observe(app, telemetry)
  await allowOrigins(app, config)
  const entrance = { admission, bodies: new LargeBodies() }
  for (const registration of routes) await app.register(register(registration, context, entrance))
  await app.register(noRoute(routes, context))
  return app
}
