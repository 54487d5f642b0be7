import { type ChangeOf, fieldTable, InvalidValue, type ItemOf, type NewOf } from '../../fields/field.ts'
import { notValue, quote } from '../../quote.ts'
import { eventNames } from '../events.ts'

/** What a webhook can subscribe to: events, all events of a type, or everything. */
const eventFilters = ['*', 'task.*', 'list.*', 'settings.*', ...eventNames]

export const maxUrlLength = 2000

export const webhooks = fieldTable({
  id: { kind: 'integer', minimum: 1, example: 5 },
  url: {
    kind: 'text',
    writable: true,
    required: true,
    maxLength: maxUrlLength,
    description: 'An `https:` URL at a public address. Events are sent there with POST.',
    example: 'https://example.com/hooks/duly',
  },
  events: {
    kind: 'json',
    writable: true,
    required: true,
    schema: {
      type: 'array',
      items: { enum: eventFilters },
      minItems: 1,
      maxItems: eventFilters.length,
      uniqueItems: true,
    },
    empty: [],
    read: readEvents,
    description: 'Names of events. `task.*` stands for all events of tasks, `*` for all events.',
    example: ['task.*'],
  },
  description: { kind: 'text', nullable: true, writable: true, maxLength: 500, example: 'Time tracking' },
  is_active: {
    kind: 'boolean',
    writable: true,
    initial: true,
    description:
      'Whether events are delivered. A webhook that is activated again continues where it stopped.',
    example: true,
  },
  disabled_reason: {
    kind: 'text',
    nullable: true,
    values: ['failing', 'gone', 'revoked'],
    description:
      'Why the server deactivated the webhook: every attempt failed for 3 days, the receiver answered 410, or all personal access tokens were revoked.',
    example: null,
  },
  created_at: { kind: 'time', example: '2026-01-31T09:30:00.000000Z' },
  updated_at: { kind: 'time', example: '2026-01-31T09:30:00.000000Z' },
})

type WebhookFields = typeof webhooks.fields
export type Webhook = ItemOf<WebhookFields>
export type NewWebhook = NewOf<WebhookFields>
export type WebhookChange = ChangeOf<WebhookFields>

/** Why an attempt got no response. */
const attemptErrors = [
  'address_not_allowed',
  'name_not_resolved',
  'connection_failed',
  'tls_failed',
  'timed_out',
  'response_invalid',
  'secret_unreadable',
] as const
export type AttemptError = (typeof attemptErrors)[number]

export const deliveries = fieldTable({
  id: {
    kind: 'text',
    description: 'The `webhook-id` header, the same in all attempts.',
    example: 'msg_8Kq3ZkWq9s0xP1c7mVb2aQ',
  },
  event: { kind: 'text', example: 'task.completed' },
  status: {
    kind: 'text',
    values: ['pending', 'succeeded', 'retrying', 'failed'],
    description: '`retrying`: failed, and attempted again later. `failed`: not attempted again.',
    example: 'succeeded',
  },
  attempts: { kind: 'integer', minimum: 0, example: 1 },
  response_status: {
    kind: 'integer',
    nullable: true,
    description: 'HTTP status of the last attempt. The body of the response is not stored.',
    example: 204,
  },
  error: {
    kind: 'text',
    nullable: true,
    values: attemptErrors,
    description: 'Why the last attempt got no response.',
    example: null,
  },
  duration_ms: { kind: 'integer', nullable: true, minimum: 0, example: 87 },
  created_at: { kind: 'time', example: '2026-01-31T09:30:00.000000Z' },
  attempted_at: { kind: 'time', nullable: true, example: '2026-01-31T09:30:00.000000Z' },
})

export type Delivery = ItemOf<typeof deliveries.fields>

function readEvents(value: unknown): readonly string[] {
  const isList = Array.isArray(value) && value.length > 0 && new Set(value).size === value.length
  const unknown = isList ? value.find(name => !eventFilters.includes(name)) : undefined
  if (!isList || unknown !== undefined)
    throw new InvalidValue(
      unknown === undefined
        ? `must be an array of event names such as "task.completed", "task.*" or "*", each once${Array.isArray(value) ? '' : notValue(value)}`
        : `must be an array of ${eventFilters.join(', ')}, without ${quote(unknown)}`,
    )
  return value
}

/** Whether a webhook with these filters gets an event. */
export const wants = (events: readonly string[], name: string): boolean =>
  events.some(filter => filter === '*' || filter === name || filter === name.replace(/\..*/, '.*'))
