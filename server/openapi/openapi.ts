import { AppError, type ErrorCode } from '../errors.ts'
import { statusOf } from '../http/error-reply.ts'
import { idempotencyKey } from '../http/idempotent-write.ts'
import { refusesUnknownNames } from '../http/query-names.ts'
import type { Registration } from '../http/register.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { version } from '../version.ts'
import type { Answer, Operation, Parameter, PathParameter } from './operation.ts'
import { problems } from './problems.ts'

const about = `Tasks of users. No user can see the tasks of another.

All calls except those of the service itself need a token: a JWT in \`Authorization: Bearer …\` whose \`sub\` is the user.
A task of another user is not found, like a task that does not exist.

Requests are limited by user, and requests without a valid token by address. The header \`RateLimit\` contains the remaining requests.`

/** The OpenAPI 3.1 document of all routes that are enabled. @param base the path of PUBLIC_URL */
export function openApi(registrations: readonly Registration[], base = ''): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const registration of registrations) {
    for (const route of registration.module.routes) {
      paths[route.path] ??= {}
      Object.assign(paths[route.path] as object, {
        [route.method.toLowerCase()]: operationOf(route, registration),
      })
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Duly',
      version,
      description: about,
      contact: { name: 'The operator of this server' },
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: base || '/', description: 'This server.' }],
    security: [{ bearer: [] }],
    tags: registrations.map(({ module }) => ({ name: module.name, description: module.about })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A JWT with `exp` and `sub`, or a personal access token.',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'better-auth.session_token',
          description: 'The cookie of a session. With HTTPS its name begins with `__Secure-`.',
        },
      },
      schemas: Object.assign({}, ...registrations.map(({ module }) => module.schemas)),
    },
  }
}

function operationOf(route: Route, registration: Registration): object {
  const { id, summary, description, body, answers } = route.operation
  const failures = { ...refusalsOf(route, registration), ...failuresOf(route, registration) }
  const responses = Object.entries(answers).map(([status, answer]) => {
    const { schema } = answer
    const either =
      failures[status] && schema ? { schema: { anyOf: [schema, registration.errors.errorSchema] } } : {}
    return [status, response({ ...answer, ...either })]
  })
  return {
    operationId: id,
    tags: [registration.module.name],
    summary,
    description,
    ...(registration.secured ? {} : { security: route.operation.security ? [{ session: [] }] : [] }),
    ...parametersOf(route, registration.module),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: { ...failures, ...Object.fromEntries(responses) },
  }
}

function parametersOf({ path, operation }: Route, module: RouteModule): { parameters?: object[] } {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    ...pathParameter(name, module),
  }))
  const others = (operation.parameters ?? []).map((parameter: Parameter) => ({
    required: false,
    ...parameter,
  }))
  const parameters = [...inPath, ...others]
  return parameters.length > 0 ? { parameters } : {}
}

function requestBody({ schema, required, mediaTypes, examples }: NonNullable<Operation['body']>): object {
  const named = Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]))
  const content = { schema, examples: named }
  return {
    required,
    content: Object.fromEntries((mediaTypes ?? ['application/json']).map(type => [type, content])),
  }
}

function response({ description, schema, mediaType, example, headers }: Answer): object {
  const types = [mediaType ?? 'application/json'].flat()
  const shown = { schema, ...(example === undefined ? {} : { example }) }
  const content = Object.fromEntries(types.map(type => [type, shown]))
  return {
    description,
    ...(headers === undefined ? {} : { headers }),
    ...(schema === undefined ? {} : { content }),
  }
}

// A constant time, so that the document is the same at every start.
const exampleMoment = new Date('2026-01-31T09:30:00Z')

const retryAfter = {
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 0 } },
}
const rateLimit = {
  RateLimit: {
    description: 'Remaining requests (`r`), and seconds until all are available again (`t`).',
    schema: { type: 'string' },
    example: '"user";r=0;t=2',
  },
  'RateLimit-Policy': {
    description: 'Requests at once (`q`), and the seconds in which they are available again (`w`).',
    schema: { type: 'string' },
    example: '"user";q=200;w=2',
  },
}
const challenge = {
  'WWW-Authenticate': { description: 'How to authenticate (RFC 6750).', schema: { const: 'Bearer' } },
}

function failuresOf(route: Route, registration: Registration): Record<string, object> {
  const { errors, always, module } = registration
  const byStatus = new Map<number, ErrorCode[]>()
  const counted: readonly ErrorCode[] = always ? [] : ['too_many_requests']
  for (const code of new Set([...codesOf(route, registration), ...counted])) {
    const status = statusOf(errors, code)
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const failure = ([status, codes]: [number, ErrorCode[]]) => {
    const example = (code: ErrorCode) => {
      const error = new AppError(code, `${problems[code].title}.`)
      return {
        value: errors.errorBody(error, {
          status,
          at: exampleMoment,
          base: '',
          path: examplePath(route.path, module),
        }),
      }
    }
    const examples = Object.fromEntries(codes.map(code => [code, example(code)]))
    return {
      description: codes.map(code => `${problems[code].title}.`).join(' '),
      ...(status === 503 || codes.includes('database_away') ? { headers: retryAfter } : {}),
      ...(status === 401 ? { headers: challenge } : {}),
      ...(status === 429 ? { headers: { ...retryAfter, ...rateLimit } } : {}),
      content: { [errors.errorMediaType ?? 'application/json']: { schema: errors.errorSchema, examples } },
    }
  }
  return Object.fromEntries([...byStatus].map(entry => [String(entry[0]), failure(entry)]))
}

function refusalsOf({ operation }: Route, { errors }: Registration): Record<string, object> {
  const content = { [errors.errorMediaType ?? 'application/json']: { schema: errors.errorSchema } }
  const refusals = (operation.refusals ?? []).map(status => [
    status,
    { description: 'The request was rejected.', content },
  ])
  return Object.fromEntries(refusals)
}

function codesOf({ method, path, operation }: Route, { secured, always }: Registration): ErrorCode[] {
  return [
    ...(['bad_request', 'address_too_long', 'headers_too_large', 'internal'] as const),
    ...(always ? [] : (['busy'] as const)),
    ...(secured
      ? (['token_missing', 'token_invalid', 'insufficient_scope', 'keys_away', 'database_away'] as const)
      : []),
    ...(path.includes('{user_id}') ? (['not_your_path'] as const) : []),
    ...(path.includes('{id}') ? (['task_not_found', 'broken_rule'] as const) : []),
    ...(operation.parameters || refusesUnknownNames({ path }) ? (['broken_rule'] as const) : []),
    ...(operation.parameters?.includes(idempotencyKey)
      ? (['idempotency_key_reused', 'answer_dropped'] as const)
      : []),
    ...(operation.body ? (['broken_rule', 'not_json', 'unsupported_media_type'] as const) : []),
    ...(method === 'GET' ? [] : (['body_too_large'] as const)),
    ...(method === 'GET' || !secured ? [] : (['database_full', 'outcome_unknown'] as const)),
    ...(operation.fails ?? []),
  ]
}

/** The path with the examples of its parameters. */
function examplePath(path: string, module: RouteModule): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(pathParameter(name, module).example))
}

function pathParameter(name: string, { name: module, pathParameters = {} }: RouteModule): PathParameter {
  const parameter = pathParameters[name]
  if (!parameter) throw new Error(`Declare the path parameter "${name}" in the route module "${module}".`)
  return parameter
}
