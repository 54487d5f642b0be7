import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Task } from '../tasks/task.ts'

export const jsonMediaType = 'application/json; charset=utf-8'

/** Sends JSON that is already written. */
export function sendJson(reply: FastifyReply, json: string): FastifyReply {
  return reply.header('content-type', jsonMediaType).send(json)
}

export interface ListShape {
  /** What stands before the first task, and after the last one of `count`. */
  readonly head: string
  readonly tail: (count: number) => string
  readonly task: (task: Task) => string
}

/**
 * Sends a list of any length: one batch is one text, more are streamed at the pace at which the client reads. Failing before
 * the first batch is an error answer; failing later breaks the connection off, so that no list looks whole that is not.
 */
export async function sendTasks(
  reply: FastifyReply,
  batches: AsyncGenerator<readonly Task[], void, undefined>,
  { head, tail, task }: ListShape,
): Promise<FastifyReply> {
  const first = await batches.next()
  const second = first.done ? first : await batches.next()
  const start = (first.value ?? []).map(task).join(',')
  let count = first.value?.length ?? 0
  if (second.done) return sendJson(reply, `${head}${start}${tail(count)}`)

  const rest = async function* () {
    yield head + start
    let batch: IteratorResult<readonly Task[], void> = second
    while (!batch.done) {
      count += batch.value.length
      if (batch.value.length > 0) yield `,${batch.value.map(task).join(',')}`
      batch = await batches.next()
    }
    yield tail(count)
  }
  return reply.header('content-type', jsonMediaType).send(Readable.from(rest()))
}
