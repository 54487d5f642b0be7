import { grantOf } from '../auth/current-user.ts'
import { lasting } from '../auth/lasting.ts'
import { brokenRules } from '../errors.ts'
import { inputReader } from '../fields/input.ts'
import { schemaOf } from '../fields/schema.ts'
import { idempotencyKey, refuseKey, replayedHeader } from '../http/idempotent-write.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { sendChange, type WriteAnswer } from '../http/own-changes.ts'
import { pathId } from '../http/parameters.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { type Answer, ref } from '../openapi/operation.ts'
import { closed, sent } from '../openapi/schemas.ts'
import { urlProblem } from '../sync/webhooks/addresses.ts'
import {
  maxUrlLength,
  type NewWebhook,
  type Webhook,
  type WebhookChange,
  webhooks,
} from '../sync/webhooks/fields.ts'
import type { Webhooks } from '../sync/webhooks/service.ts'
import {
  createWebhook,
  getWebhook,
  maxWebhooks,
  removeWebhook,
  renewSecret,
  type SecretWebhook,
  updateWebhook,
  webhooksOf,
} from '../sync/webhooks/webhooks.ts'
import { bodyReader, checkReadOnly } from './body.ts'
import { deliveryRoutes, deliverySchemas } from './deliveries.ts'
import { serviceOf } from './webhook-service.ts'

// Webhooks: URLs to which the events of the user are sent.

const path = '/api/v1/webhooks'
const { names, writable, fields } = webhooks
const schemas = Object.fromEntries(names.map(name => [name, schemaOf(fields[name])]))
const writableSchemas = Object.fromEntries(writable.map(name => [name, schemas[name] ?? {}]))
const inputs = writable.map(name => ({ name, field: fields[name] }))
const readNew = bodyReader(inputReader(inputs, ['url', 'events']), writable, names)
const readChange = bodyReader(inputReader(inputs), writable, names)
const example = Object.fromEntries(names.map(name => [name, fields[name].example]))
const secretExample = { ...example, secret: 'whsec_…' }
const oneWebhook: Answer = {
  description: 'The webhook.',
  schema: ref('Webhook'),
  example,
  headers: replayedHeader,
}
const shown: Answer = {
  description: 'The webhook with its secret.',
  schema: ref('SecretWebhook'),
  example: secretExample,
}

const list: Route = {
  method: 'GET',
  path,
  scope: 'account',
  operation: {
    id: 'listWebhooks',
    summary: 'List webhooks',
    description: 'Returns all webhooks, oldest first. `next_cursor` is always null.',
    answers: {
      200: {
        description: 'Your webhooks.',
        schema: ref('WebhookList'),
        example: { webhooks: [example], next_cursor: null },
      },
    },
  },
  async handle(request, reply, context) {
    serviceOf(context)
    const found = await webhooksOf(context.db, request.userId, grantOf(request))
    return sendJson(reply, JSON.stringify({ webhooks: found, next_cursor: null }))
  },
}

const create: Route = {
  method: 'POST',
  path,
  scope: 'account',
  operation: {
    id: 'createWebhook',
    audited: true,
    summary: 'Create a webhook',
    description: `Events that happen from now on are sent to the URL, signed as Standard Webhooks describes (https://www.standardwebhooks.com). The response contains the secret, which is not shown again. At most ${maxWebhooks} webhooks.`,
    body: {
      required: true,
      schema: ref('NewWebhook'),
      examples: {
        short: { url: 'https://example.com/hooks/duly', events: ['*'] },
        whole: {
          url: 'https://example.com/hooks/duly',
          events: ['task.completed', 'list.*'],
          description: 'Time tracking',
          is_active: false,
        },
      },
    },
    fails: ['too_many_webhooks'],
    answers: {
      201: {
        ...shown,
        headers: {
          Location: { description: 'The path of the webhook.', schema: { type: 'string' }, required: true },
        },
      },
    },
  },
  handle(request, reply, context) {
    refuseKey(request)
    const { cipher, networks } = serviceOf(context)
    const { values, readOnly } = readNew(readJson(request))
    checkReadOnly(readOnly)
    // Validated above.
    const given = checkUrl(values, networks) as NewWebhook
    return sendChange(
      request,
      reply,
      context,
      change => createWebhook(change, given, cipher),
      ({ result }) => {
        const location = `${request.server.base}${path}/${result.webhook.id}`
        return { ...secretAnswer(result), status: 201, headers: { ...noStore, location } }
      },
      { ...plain, guard: lasting(grantOf(request)) },
    )
  },
}

const get: Route = {
  method: 'GET',
  path: `${path}/{webhook_id}`,
  scope: 'account',
  operation: {
    id: 'getWebhook',
    summary: 'Get a webhook',
    description: 'Returns the webhook, without its secret.',
    fails: ['webhook_not_found', 'broken_rule'],
    answers: { 200: { ...oneWebhook, headers: {} } },
  },
  async handle(request, reply, context) {
    serviceOf(context)
    const id = pathId(request, 'webhook_id')
    const found = await getWebhook(context.db, request.userId, id, grantOf(request))
    return sendJson(reply, JSON.stringify(found))
  },
}

const change: Route = {
  method: 'PATCH',
  path: `${path}/{webhook_id}`,
  scope: 'account',
  operation: {
    id: 'changeWebhook',
    audited: true,
    summary: 'Change a webhook',
    description:
      'A JSON Merge Patch (RFC 7396). A message that waits for a retry is sent at once. An active webhook continues where it stopped, also after the server deactivated it.',
    parameters: [idempotencyKey],
    body: {
      required: true,
      mediaTypes: ['application/merge-patch+json', 'application/json'],
      schema: ref('WebhookChange'),
      examples: { pause: { is_active: false }, filter: { events: ['task.*'], description: null } },
    },
    fails: ['webhook_not_found'],
    answers: { 200: oneWebhook },
  },
  async handle(request, reply, context) {
    const id = pathId(request, 'webhook_id')
    const service = serviceOf(context)
    const { values, readOnly } = readChange(readJson(request))
    const given = checkUrl(values, service.networks) as WebhookChange
    await sendChange(
      request,
      reply,
      context,
      change => updateWebhook(change, id, given, webhook => checkReadOnly(readOnly, webhook)),
      ({ result }) => ({ status: 200, body: JSON.stringify(result) }),
      { ...plain, guard: lasting(grantOf(request)) },
    )
    service.look()
    return reply
  },
}

const remove: Route = {
  method: 'DELETE',
  path: `${path}/{webhook_id}`,
  scope: 'account',
  operation: {
    id: 'removeWebhook',
    audited: true,
    summary: 'Delete a webhook',
    description: 'Deletes the webhook with its deliveries. A message that is being sent may still arrive.',
    parameters: [idempotencyKey],
    fails: ['webhook_not_found'],
    answers: { 204: { description: 'The webhook is deleted.', headers: replayedHeader } },
  },
  handle(request, reply, context) {
    serviceOf(context)
    const id = pathId(request, 'webhook_id')
    return sendChange(
      request,
      reply,
      context,
      change => removeWebhook(change, id),
      () => ({ status: 204 }),
      plain,
    )
  },
}

const renew: Route = {
  method: 'POST',
  path: `${path}/{webhook_id}/secret`,
  scope: 'account',
  operation: {
    id: 'renewWebhookSecret',
    audited: true,
    summary: 'Renew the secret of a webhook',
    description:
      'The response shows the new secret this once. For 24 hours, messages have two signatures: one with the new secret, and one with the secret before.',
    fails: ['webhook_not_found', 'broken_rule'],
    answers: { 200: shown },
  },
  handle(request, reply, context) {
    refuseKey(request)
    const id = pathId(request, 'webhook_id')
    const { cipher } = serviceOf(context)
    return sendChange(
      request,
      reply,
      context,
      change => renewSecret(change, id, cipher),
      ({ result }) => ({ ...secretAnswer(result), headers: noStore }),
      { ...plain, guard: lasting(grantOf(request)) },
    )
  },
}

const plain = { isUndoable: false, isShown: true }
const noStore = { 'cache-control': 'no-store' }

const secretAnswer = ({ webhook, secret }: SecretWebhook): WriteAnswer => ({
  status: 200,
  body: JSON.stringify({ ...webhook, secret }),
})

/** @throws AppError `broken_rule` if the server never connects to this URL */
function checkUrl(
  values: Readonly<Record<string, unknown>>,
  networks: Webhooks['networks'],
): Partial<Webhook> {
  const { url } = values as Partial<Webhook>
  if (url === undefined) return values
  // Escaping makes a URL longer: each byte that is not ASCII takes three characters.
  const isLong = URL.canParse(url) && new URL(url).href.length > maxUrlLength
  const problem = isLong
    ? `must have at most ${maxUrlLength} characters when escaped`
    : urlProblem(url, networks)
  if (problem !== undefined)
    throw brokenRules([{ field: 'url', message: `URL ${problem}. Example: ${webhooks.fields.url.example}` }])
  return { ...values, url: new URL(url).href }
}

export const webhookRoutes: RouteModule = {
  name: 'webhooks',
  about: 'URLs to which your events are sent. Delivery is at least once, in order for each item.',
  pathParameters: {
    webhook_id: {
      description: 'The id of the webhook.',
      schema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      example: 5,
    },
    delivery_id: {
      description: 'The id of the delivery, which is the `webhook-id` of its messages.',
      schema: { type: 'string', pattern: '^msg_[A-Za-z0-9-]{22}$' },
      example: 'msg_8Kq3ZkWq9s0xP1c7mVb2aQ',
    },
  },
  schemas: {
    Webhook: closed(schemas),
    SecretWebhook: closed({
      ...schemas,
      secret: { type: 'string', description: 'The key of the signatures. Never shown again.' },
    }),
    WebhookList: closed({
      webhooks: { type: 'array', items: ref('Webhook') },
      next_cursor: { type: 'null' },
    }),
    NewWebhook: sent(writableSchemas, ['url', 'events']),
    WebhookChange: sent(writableSchemas),
    ...deliverySchemas,
  },
  routes: [list, create, get, change, remove, renew, ...deliveryRoutes],
}
