import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import type { Context } from '../context.ts'
import { AppError } from '../errors.ts'
import { schemaOf } from '../fields/schema.ts'
import { idempotencyKey, replayedHeader } from '../http/idempotent-write.ts'
import { sendJson } from '../http/json-reply.ts'
import { sendChange } from '../http/own-changes.ts'
import { pathId, queryText } from '../http/parameters.ts'
import type { Route } from '../http/route.ts'
import { type Answer, ref } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import {
  type DeliveryCursor,
  deliveriesOf,
  keptDays,
  requestAgain,
  requestTest,
} from '../sync/webhooks/deliveries.ts'
import { type Delivery, deliveries } from '../sync/webhooks/fields.ts'
import type { Change } from '../tasks/change/change.ts'
import { isPosition } from '../tasks/list.ts'
import { notCursor } from './list-cursor.ts'
import { cursorParameter, limitParameter, readLimit } from './page-parameters.ts'
import { serviceOf } from './webhook-service.ts'

// The deliveries of a webhook: the events that were sent to it, with the results.

const path = '/api/v1/webhooks/{webhook_id}'
const { names, fields } = deliveries
const example = Object.fromEntries(names.map(name => [name, fields[name].example]))
const pending: Answer = {
  description: 'The delivery, which is attempted now.',
  schema: ref('Delivery'),
  example: { ...example, status: 'pending' },
  headers: replayedHeader,
}

const list: Route = {
  method: 'GET',
  path: `${path}/deliveries`,
  scope: 'account',
  operation: {
    id: 'listDeliveries',
    summary: 'List deliveries of a webhook',
    description: `Newest first. They are stored for ${keptDays} days, the newest 10,000 at most.`,
    parameters: [limitParameter('deliveries'), cursorParameter()],
    fails: ['webhook_not_found', 'broken_rule'],
    answers: {
      200: {
        description: 'A page of deliveries.',
        schema: ref('DeliveryList'),
        example: { deliveries: [example], next_cursor: null },
      },
    },
  },
  async handle(request, reply, context) {
    serviceOf(context)
    const id = pathId(request, 'webhook_id')
    const page = { limit: readLimit(request), after: readCursor(request) }
    const found = await deliveriesOf(context.db, request.userId, id, page, grantOf(request))
    const body = { deliveries: found.deliveries, next_cursor: found.next && writeCursor(found.next) }
    return sendJson(reply, JSON.stringify(body))
  },
}

const test: Route = {
  method: 'POST',
  path: `${path}/test`,
  scope: 'account',
  operation: {
    id: 'testWebhook',
    summary: 'Test a webhook',
    description:
      'Sends a message of the type `webhook.test`, whose `data` is empty, once. `GET …/deliveries` shows what became of it. Also for a webhook that is not active.',
    parameters: [idempotencyKey],
    fails: ['webhook_not_found', 'broken_rule'],
    answers: { 202: pending },
  },
  handle(request, reply, context) {
    const id = pathId(request, 'webhook_id')
    return sendRequested(request, reply, context, change => requestTest(change, id, randomUUID()))
  },
}

const redeliver: Route = {
  method: 'POST',
  path: `${path}/deliveries/{delivery_id}/redeliver`,
  scope: 'account',
  operation: {
    id: 'redeliver',
    summary: 'Repeat a delivery',
    description:
      'Sends the message again, once, with the same `webhook-id`. The body has the item as it is now. A message that waits for a retry is sent at once.',
    parameters: [idempotencyKey],
    fails: ['webhook_not_found', 'delivery_not_found', 'broken_rule'],
    answers: { 202: pending },
  },
  handle(request, reply, context) {
    const id = pathId(request, 'webhook_id')
    const { delivery_id: delivery = '' } = request.params as { delivery_id?: string }
    if (!isDeliveryId(delivery)) throw new AppError('delivery_not_found', 'There is no such delivery.')
    return sendRequested(request, reply, context, ({ db, owner }) => requestAgain(db, owner.id, id, delivery))
  },
}

/** Gives the webhook's job something to send, and starts it. */
async function sendRequested(
  request: FastifyRequest,
  reply: FastifyReply,
  context: Context,
  work: (change: Change) => Promise<Delivery>,
): Promise<FastifyReply> {
  const service = serviceOf(context)
  await sendChange(
    request,
    reply,
    context,
    work,
    ({ result }) => ({ status: 202, body: JSON.stringify(result) }),
    { isUndoable: false, isShown: true },
  )
  service.look()
  return reply
}

const isDeliveryId = (text: string) => /^msg_[A-Za-z\d-]{22}$/.test(text)

const writeCursor = ({ createdAt, id }: DeliveryCursor): string =>
  Buffer.from(`${createdAt} ${id}`).toString('base64url')

/** @throws AppError `broken_rule` */
function readCursor(request: FastifyRequest): DeliveryCursor | undefined {
  const text = queryText(request, 'cursor')
  if (text === undefined) return undefined
  const read = /^[\w-]{1,100}$/.test(text) ? Buffer.from(text, 'base64url').toString('latin1') : ''
  const [, createdAt, id] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S+)$/.exec(read) ?? []
  if (
    createdAt !== undefined &&
    id !== undefined &&
    isDeliveryId(id) &&
    isPosition('created_at', createdAt, 1)
  )
    return { createdAt, id }
  throw notCursor(text, 'a page of deliveries')
}

export const deliverySchemas = {
  Delivery: closed(Object.fromEntries(names.map(name => [name, schemaOf(fields[name])]))),
  DeliveryList: closed({
    deliveries: { type: 'array', items: ref('Delivery') },
    next_cursor: { type: ['string', 'null'] },
  }),
}

export const deliveryRoutes: readonly Route[] = [list, test, redeliver]
