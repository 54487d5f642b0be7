import { ownerSchema, taskIdSchema } from '../contracts/task-schemas.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { statusOf } from '../http/error-reply.ts'
import type { Registration } from '../http/register.ts'
import type { Route } from '../http/route.ts'
import { version } from '../version.ts'
import type { Answer, Operation, Parameter, Schema } from './operation.ts'
import { problems } from './problems.ts'

const about = `A user's tasks, which no one else can see.

Every call but those of the service itself needs a token: a JWT in \`Authorization: Bearer …\`, whose \`sub\` is the user.
A task that is missing and one that is another user's are the same thing here: not found.

Calls are counted by user, and those without a good token by address. Each answer says in \`RateLimit\` how many are left.`

/** The document of every route that is on (OpenAPI 3.1). @param base the path of PUBLIC_URL */
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
      contact: { name: 'Whoever runs this server' },
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
          description: 'The cookie of a session; behind TLS its name begins with `__Secure-`.',
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
    ...parametersOf(route),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: { ...failures, ...Object.fromEntries(responses) },
  }
}

const pathParameters: Readonly<Record<string, { description: string; schema: Schema; example: unknown }>> = {
  user_id: {
    description: 'Whose tasks: the user of the token.',
    schema: { ...ownerSchema, type: 'string', minLength: 1 },
    example: 'alice',
  },
  id: { description: 'The task’s id.', schema: taskIdSchema, example: 7 },
  file: { description: 'The file’s name.', schema: { type: 'string' }, example: 'docs.js' },
  token_id: { description: 'The token’s id.', schema: taskIdSchema, example: 7 },
  provider: { description: 'Who was asked.', schema: { enum: ['github', 'google'] }, example: 'github' },
  token: { description: 'The token of the email.', schema: { type: 'string' }, example: 'x7' },
  code: {
    description: 'The problem’s code.',
    schema: { enum: Object.keys(problems) },
    example: 'broken_rule',
  },
}

function parametersOf({ path, operation }: Route): { parameters?: object[] } {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    ...pathParameters[name],
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

// A moment for examples: the document is the same at every start.
const exampleMoment = new Date('2026-01-31T09:30:00Z')

const retryAfter = {
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 0 } },
}
const rateLimit = {
  RateLimit: {
    description: 'How many calls are left (`r`), and in how many seconds all are there again (`t`).',
    schema: { type: 'string' },
    example: '"user";r=0;t=2',
  },
  'RateLimit-Policy': {
    description: 'So many calls at once (`q`), which come back within so many seconds (`w`).',
    schema: { type: 'string' },
    example: '"user";q=200;w=2',
  },
}
const challenge = {
  'WWW-Authenticate': { description: 'How to authenticate (RFC 6750).', schema: { const: 'Bearer' } },
}

function failuresOf(route: Route, registration: Registration): Record<string, object> {
  const { errors, always } = registration
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
          path: examplePath(route.path),
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
    { description: 'It is refused.', content },
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
    ...(operation.parameters ? (['broken_rule'] as const) : []),
    ...(operation.body ? (['broken_rule', 'not_json', 'unsupported_media_type'] as const) : []),
    ...(method === 'GET' ? [] : (['body_too_large'] as const)),
    ...(method === 'GET' || !secured ? [] : (['database_full', 'outcome_unknown'] as const)),
    ...(operation.fails ?? []),
  ]
}

/** The path with the examples of its parameters. */
export function examplePath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(pathParameters[name]?.example))
}
