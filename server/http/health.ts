import type { FastifyReply } from 'fastify'
import type { Context } from '../context.ts'
import type { Answer } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import { version } from '../version.ts'
import type { Route, RouteModule } from './route.ts'

const patienceMs = 2000

const status = (value: string, facts: Record<string, object> = {}) =>
  closed({ status: { const: value }, ...facts })
const answer = (description: string, value: string): Answer => ({
  description,
  schema: status(value),
  example: { status: value },
})
const wait = {
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 0 } },
}
const facts = (...database: string[]) => ({
  service: { const: 'duly' },
  version: { type: 'string' },
  database: { enum: database },
})

const livez: Route = {
  method: 'GET',
  path: '/livez',
  operation: {
    id: 'isAlive',
    summary: 'Whether the process runs',
    description: 'Says nothing of the database: a process that answers need not be restarted.',
    answers: { 200: answer('It runs.', 'ok') },
  },
  handle(_request, reply) {
    reply.send({ status: 'ok' })
  },
}

const readyz: Route = {
  method: 'GET',
  path: '/readyz',
  operation: {
    id: 'isReady',
    summary: 'Whether requests may be sent here',
    description:
      'For load balancers: turns to 503 while the database is away or has other tables than this version needs, and once the server shuts down.',
    answers: {
      200: answer('The database answers, and the server is not shutting down.', 'ok'),
      503: { ...answer('Send requests elsewhere.', 'unavailable'), headers: wait },
    },
  },
  async handle(_request, reply, { schema, lifecycle }) {
    const ready = !lifecycle.stopping.aborted && isUsable(await stateOf(schema))
    return ready ? { status: 'ok' } : away(reply).send({ status: 'unavailable' })
  },
}

const report: Route = {
  method: 'GET',
  path: '/health',
  operation: {
    id: 'getHealth',
    summary: 'How the service is, in words',
    description:
      'For people: the version, and whether the database answers with the tables that this version needs. `newer`: a newer version has migrated them, and this one goes on.',
    answers: {
      200: {
        description: 'All is well.',
        schema: status('ok', facts('ok', 'newer')),
        example: { status: 'ok', service: 'duly', version, database: 'ok' },
      },
      503: {
        description:
          'The database does not answer, or its tables are missing or older than this version needs.',
        schema: status('unavailable', facts('unavailable', 'missing', 'older')),
        example: { status: 'unavailable', service: 'duly', version, database: 'unavailable' },
        headers: wait,
      },
    },
  },
  async handle(_request, reply, { schema }) {
    const database = await stateOf(schema)
    const known = { service: 'duly', version, database }
    return isUsable(database)
      ? { status: 'ok', ...known }
      : away(reply).send({ status: 'unavailable', ...known })
  },
}

/** For orchestrators and people. */
export const health: RouteModule = {
  name: 'service',
  about: 'How the service is. These calls need no token.',
  schemas: {},
  routes: [livez, readyz, report],
}

/** A newer version only adds to the tables, so that replicas go on beside it. */
const isUsable = (state: string) => state === 'ok' || state === 'newer'

async function stateOf(
  schema: Context['schema'],
): Promise<Awaited<ReturnType<typeof schema>> | 'unavailable'> {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<'unavailable'>(resolve => {
    timer = setTimeout(() => resolve('unavailable'), patienceMs)
  })
  try {
    return await Promise.race([schema(), tooLong])
  } catch {
    return 'unavailable'
  } finally {
    clearTimeout(timer)
  }
}

function away(reply: FastifyReply) {
  return reply.code(503).header('retry-after', '2')
}
