import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { PrintedTasks } from '../tasks/printed-tasks.ts'

export const jsonMediaType = 'application/json; charset=utf-8'

/** Sends JSON that is already written. */
export function sendJson(reply: FastifyReply, json: string | Buffer): FastifyReply {
  return reply.header('content-type', jsonMediaType).send(json)
}

/**
 * Sends a list of any length, whose batches print into `list`: what fits into one is one piece, more is streamed at the pace at
 * which the client reads. Failing before the second batch is an error answer; failing later breaks the connection off, so that no
 * list looks whole that is not.
 * @param tail what stands after the last task of `count`
 */
export async function sendTasks(
  reply: FastifyReply,
  list: PrintedTasks,
  batches: AsyncGenerator<unknown, void, undefined>,
  tail: (count: number) => string,
): Promise<FastifyReply> {
  const next = async () => !(await batches.next()).done
  const more = (await next()) && (await next())
  if (!more) return sendJson(reply, list.take(tail(list.count)))

  const rest = async function* () {
    do yield list.take()
    while (await next())
    yield list.take(tail(list.count))
  }
  return reply.header('content-type', jsonMediaType).send(Readable.from(rest()))
}
