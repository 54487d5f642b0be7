import type { FastifyReply, FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import { ticketSeconds } from '../auth/tickets.ts'
import { brokenRules } from '../errors.ts'
import { refuseKey } from '../http/idempotent-write.ts'
import { sendJson } from '../http/json-reply.ts'
import { queryText } from '../http/parameters.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import { notValue } from '../quote.ts'
import { eventNames } from '../sync/events.ts'
import { maxFollowers } from '../sync/hub.ts'
import { readPosition } from '../sync/position.ts'
import { callerOf, changeSchemas, listChanges, syncSchemas } from './changes.ts'

const path = '/api/v1/events'

const streamEvents: Route = {
  method: 'GET',
  path,
  kind: 'stream',
  acceptsTicket: true,
  operation: {
    id: 'streamEvents',
    summary: 'Stream changes as they happen',
    description: `Server-Sent Events. The \`id\` of each is a position for \`since\`, also of \`GET /api/v1/changes\`; \`event\` is one of ${eventNames.map(name => `\`${name}\``).join(', ')}; \`data\` is an \`Event\`. There is one event for each item of each change, with the item as it is when the event is sent. The first event is \`ready\`. The stream begins now, or after \`Last-Event-ID\` or \`since\`, without loss or repetition. If that is too old, an event \`reset\` follows, and the client reads everything again with \`GET /api/v1/changes\`. A comment is sent every 15 seconds. The stream ends with the token. A user has ${maxFollowers} streams at most.`,
    parameters: [
      {
        name: 'since',
        in: 'query',
        description: 'A position: the `id` of an event, or the `next` of a page of changes.',
        schema: { type: 'string' },
      },
      {
        name: 'ticket',
        in: 'query',
        description: 'From `POST /api/v1/events/ticket`, instead of a token in Authorization.',
        schema: { type: 'string' },
      },
      {
        name: 'Last-Event-ID',
        in: 'header',
        description: 'The `id` of the last event; browsers send it. It takes precedence over `since`.',
        schema: { type: 'string' },
      },
    ],
    answers: {
      200: {
        description: 'The stream.',
        mediaType: 'text/event-stream',
        schema: { type: 'string', description: 'The `data` of events is JSON.', contentSchema: ref('Event') },
      },
    },
  },
  async handle(request, reply, { sync, lifecycle }) {
    const position = positionOf(request)
    reply.headers({
      'content-type': 'text/event-stream; charset=utf-8',
      // No proxy may compress it, because it would collect events first.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    if (request.method === 'HEAD') return reply.send('')
    const stream = await sync.events(reply.raw, callerOf(request), position)
    begin(reply)
    stream.start()
    // Clients connect again, to another replica.
    if (lifecycle.stopping.aborted) stream.end()
    return reply
  },
}

/** Sends the head. From now on the stream writes to the socket. */
function begin(reply: FastifyReply): void {
  const headers = reply.getHeaders()
  reply.hijack()
  reply.raw.writeHead(200, headers as Record<string, string | string[]>)
}

/** @throws AppError `broken_rule` */
function positionOf(request: FastifyRequest) {
  const header = request.headers['last-event-id']
  const token =
    (typeof header === 'string' && header !== '' ? header : undefined) ?? queryText(request, 'since')
  if (token === undefined) return undefined
  const position = readPosition(request.userId, token)
  const message = `"since" must be the \`next\` of a page without \`has_more\`, or the \`id\` of an event${notValue(token)}.`
  if (position.isFirst) throw brokenRules([{ field: 'since', in: 'query', message }])
  return position
}

const createTicket: Route = {
  method: 'POST',
  path: `${path}/ticket`,
  scope: 'tasks:read',
  operation: {
    id: 'createEventTicket',
    fails: ['broken_rule'],
    summary: 'Create a ticket for a stream of events',
    description:
      'For `EventSource`, which cannot send a token. The ticket is valid for one minute and one `GET /api/v1/events?ticket=…`; the stream ends with the token that created the ticket. To reconnect, create another ticket.',
    answers: {
      200: {
        description: 'The ticket.',
        schema: closed({
          ticket: { type: 'string' },
          expires_in: { type: 'integer', description: 'Seconds.' },
        }),
        example: { ticket: 'duly_ticket_…', expires_in: ticketSeconds },
      },
    },
  },
  async handle(request, reply, { tokens }) {
    refuseKey(request)
    const ticket = await tokens.createTicket(grantOf(request))
    reply.header('cache-control', 'no-store')
    return sendJson(reply, JSON.stringify({ ticket, expires_in: ticketSeconds }))
  },
}

export const sync: RouteModule = {
  name: 'sync',
  about: 'Changes and live events, for clients that stay up to date.',
  schemas: {
    ...syncSchemas,
    Event: changeSchemas({
      by: closed(
        {
          kind: { enum: ['session', 'token', 'issuer', 'operator'] },
          name: { type: ['string', 'null'], description: 'The name of the personal access token.' },
        },
        'Who made the change.',
      ),
      change: { type: 'string', description: 'The change. Items of one request have the same.' },
    }),
  },
  routes: [listChanges, streamEvents, createTicket],
}
