import type { FastifyReply } from 'fastify'
import type { Database } from '../db/database.ts'
import { version } from '../version.ts'
import type { Answer } from './operation.ts'
import type { Family, Route } from './route.ts'
import { closed } from './task-schemas.ts'

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
const facts = (database: string) => ({
  service: { const: 'duly' },
  version: { type: 'string' },
  database: { const: database },
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

// Migrations are done before the first request is listened for, so an answer means that they are.
const readyz: Route = {
  method: 'GET',
  path: '/readyz',
  operation: {
    id: 'isReady',
    summary: 'Whether requests may be sent here',
    description:
      'For load balancers: turns to 503 while the database is away and once the server shuts down.',
    answers: {
      200: answer('The database answers, and the server is not shutting down.', 'ok'),
      503: { ...answer('Send requests elsewhere.', 'unavailable'), headers: wait },
    },
  },
  async handle(_request, reply, { db, lifecycle }) {
    const ready = !lifecycle.stopping.aborted && (await answers(db))
    return ready ? { status: 'ok' } : away(reply).send({ status: 'unavailable' })
  },
}

const report: Route = {
  method: 'GET',
  path: '/health',
  operation: {
    id: 'getHealth',
    summary: 'How the service is, in words',
    description: 'For people: the version, and whether the database answers.',
    answers: {
      200: {
        description: 'All is well.',
        schema: status('ok', facts('ok')),
        example: { status: 'ok', service: 'duly', version, database: 'ok' },
      },
      503: {
        description: 'The database does not answer.',
        schema: status('unavailable', facts('unavailable')),
        example: { status: 'unavailable', service: 'duly', version, database: 'unavailable' },
        headers: wait,
      },
    },
  },
  async handle(_request, reply, { db }) {
    const ok = await answers(db)
    const known = { service: 'duly', version, database: ok ? 'ok' : 'unavailable' }
    return ok ? { status: 'ok', ...known } : away(reply).send({ status: 'unavailable', ...known })
  },
}

/** For orchestrators and people. */
export const health: Family = {
  name: 'service',
  about: 'How the service is. These calls need no token.',
  schemas: {},
  routes: [livez, readyz, report],
}

async function answers(db: Database): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the database did not answer in time')), patienceMs)
  })
  try {
    await Promise.race([db.ping(), tooLong])
    return true
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}

function away(reply: FastifyReply) {
  return reply.code(503).header('retry-after', '2')
}
