import type { FastifyInstance, FastifyPluginCallback, FastifyReply } from 'fastify'
import type { Context } from '../context.ts'
import { version } from '../version.ts'

const patienceMs = 2000

/** For orchestrators and people: `/livez` (the process runs), `/readyz` (send it requests), `/health` (both, in words). */
export function health({ db, lifecycle }: Context): FastifyPluginCallback {
  const databaseAnswers = async () => {
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

  return (scope: FastifyInstance, _options, done) => {
    scope.get('/livez', (_request, reply) => {
      reply.send({ status: 'ok' })
    })

    // Migrations are done before the first request is listened for, so an answer means that they are.
    scope.get('/readyz', async (_request, reply) => {
      const ready = !lifecycle.stopping && (await databaseAnswers())
      return ready ? { status: 'ok' } : away(reply).send({ status: 'unavailable' })
    })

    scope.get('/health', async (_request, reply) => {
      const ok = await databaseAnswers()
      const facts = { service: 'duly', version, database: ok ? 'ok' : 'unavailable' }
      return ok ? { status: 'ok', ...facts } : away(reply).send({ status: 'unavailable', ...facts })
    })
    done()
  }
}

function away(reply: FastifyReply) {
  return reply.code(503).header('retry-after', '2')
}
