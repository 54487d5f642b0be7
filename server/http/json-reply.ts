import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import type { PrintedTasks } from '../tasks/printed-tasks.ts'

export const jsonMediaType = 'application/json; charset=utf-8'

/** Sends JSON text. */
export function sendJson(reply: FastifyReply, json: string | Buffer): FastifyReply {
  return reply.header('content-type', jsonMediaType).send(json)
}

/**
 * Answers with a list of any length, whose batches print into `list`: one batch as a whole, more as
 * a stream. A failure before the first batch is an error response. A later one breaks the
 * connection off, so that no incomplete list looks complete.
 * @param tail what follows the last of `count` tasks
 * @returns what the handler returns
 */
export async function sendTasks(
  request: FastifyRequest,
  reply: FastifyReply,
  { streams }: Pick<Context, 'streams'>,
  list: PrintedTasks,
  batches: AsyncGenerator<boolean, void, undefined>,
  tail: (count: number) => string,
): Promise<FastifyReply | Readable> {
  const next = async () => !(await batches.next()).done
  const { value: mayGoOn } = await batches.next()
  if (!mayGoOn) return sendJson(reply, list.take(tail(list.count)))

  const rest = async function* () {
    do yield list.take()
    while (await next())
    yield list.take(tail(list.count))
  }
  reply.header('content-type', jsonMediaType)
  return streams.of(request, rest())
}
