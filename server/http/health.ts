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
    summary: 'Check whether the process is alive',
    description: 'For orchestrators. Does not check the database.',
    answers: { 200: answer('The process is alive.', 'ok') },
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
    summary: 'Check whether the server is ready for requests',
    description:
      'For load balancers. 503 while the database is unavailable or lacks the tables of this version, and during shutdown.',
    answers: {
      200: answer('The server is ready.', 'ok'),
      503: { ...answer('The server is not ready.', 'unavailable'), headers: wait },
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
    summary: 'Get the health of the service',
    description:
      'The version, and the state of the database. `newer` means that a newer version has migrated it, which this version supports.',
    answers: {
      200: {
        description: 'The service is healthy.',
        schema: status('ok', facts('ok', 'newer')),
        example: { status: 'ok', service: 'duly', version, database: 'ok' },
      },
      503: {
        description:
          'The database is unavailable, or its tables are missing or older than this version needs.',
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

/** Health checks. */
export const health: RouteModule = {
  name: 'service',
  about: 'Health of the service. These calls need no token.',
  schemas: {},
  routes: [livez, readyz, report],
}

/** Newer versions only add to the tables, so older replicas keep working. */
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
