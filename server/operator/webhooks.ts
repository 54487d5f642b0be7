import { misused, readArguments, readVerb } from '../cli/arguments.ts'
import { AppError, exit, StartError } from '../errors.ts'
import { notValue } from '../quote.ts'
import { deliveriesOf, requestAgain } from '../sync/webhooks/deliveries.ts'
import type { Delivery, Webhook } from '../sync/webhooks/fields.ts'
import { webhooksOf } from '../sync/webhooks/webhooks.ts'
import type { OperatorCommand, OperatorContext } from './command.ts'
import { findUserNamed } from './user.ts'

export const webhooksHelp = `Usage: duly webhooks list USER
       duly webhooks deliveries USER WEBHOOK [--limit COUNT]
       duly webhooks redeliver USER WEBHOOK DELIVERY

Shows the webhooks of a user and their deliveries, whether a server is running or not. USER is an email
address or an id, as "duly user list" prints them. With --other-issuer, USER is the user id in tokens of
another issuer or of "duly token".

  list         list webhooks, oldest first, with the scheme and host of each URL
  deliveries   list deliveries of the webhook with the id WEBHOOK, newest first
    --limit COUNT   how many, 1 to 1000 (default 20)
  redeliver    send the message DELIVERY again, once
  --other-issuer   USER is a user id without an account on this server`

const options = { limit: { type: 'string' }, 'other-issuer': { type: 'boolean' } } as const

interface Asked {
  readonly verb: 'list' | 'deliveries' | 'redeliver'
  readonly who: string
  readonly isForeign: boolean
  readonly webhook: number
  readonly delivery: string
  readonly limit: number
}

function read(args: string[]): Asked {
  const { values, positionals } = readArguments(args, options, true)
  const [word, who = '', id, delivery, extra] = positionals
  const verb = readVerb('webhooks', word, ['list', 'deliveries', 'redeliver'])
  const most = { list: 2, deliveries: 3, redeliver: 4 }[verb]
  const unexpected = extra ?? positionals[most]
  if (unexpected !== undefined) throw misused(`Unexpected argument "${unexpected}".`)
  if (who === '') throw misused('USER is missing: name an email address or an id.')
  const isId = /^[1-9]\d{0,14}$/.test(id ?? '')
  if (verb !== 'list' && !isId)
    throw misused(
      `WEBHOOK must be the id of a webhook, as "duly webhooks list USER" prints it${notValue(id)}.`,
    )
  if (verb === 'redeliver' && delivery === undefined)
    throw misused('DELIVERY is missing: name an id, as "duly webhooks deliveries USER WEBHOOK" prints them.')
  if (values.limit !== undefined && verb !== 'deliveries')
    throw misused('--limit applies to duly webhooks deliveries only.')
  const limit = Number(values.limit ?? 20)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw misused(`--limit must be a whole number from 1 to 1000${notValue(values.limit)}.`)
  const isForeign = values['other-issuer'] === true
  return { verb, who, isForeign, webhook: Number(id), delivery: delivery ?? '', limit }
}

export const webhooksCommand: OperatorCommand = {
  check(args) {
    read(args)
  },

  async *run(place, args) {
    const asked = read(args)
    const { id: owner } = await findUserNamed(place.db, asked.who, { 'other-issuer': asked.isForeign })
    try {
      yield* answer(place, owner, asked)
    } catch (error) {
      if (!(error instanceof AppError) || !/^(webhook|delivery)_not_found$/.test(error.code)) throw error
      throw new StartError(error.message, exit.dataErr)
    }
  },
}

async function* answer({ db, look }: OperatorContext, owner: string, asked: Asked): AsyncGenerator<string> {
  const { verb, webhook, delivery, limit } = asked
  if (verb === 'list') for (const one of await webhooksOf(db, owner)) yield webhookLine(one)
  else if (verb === 'deliveries')
    for (const one of (await deliveriesOf(db, owner, webhook, { limit })).deliveries) yield deliveryLine(one)
  else {
    const { id } = await db.change(owner, session => requestAgain(session, owner, webhook, delivery))
    look?.()
    yield `${id} is queued: a server in use sends it within seconds.`
  }
}

/** The path of a URL can be a secret of the receiver. */
function webhookLine({ id, url, events, is_active, disabled_reason, created_at }: Webhook): string {
  const state = is_active ? 'active' : `inactive${disabled_reason === null ? '' : ` (${disabled_reason})`}`
  return `${id}  ${created_at}  ${state}  ${new URL(url).origin}  ${events.join(',')}`
}

function deliveryLine({ id, created_at, event, status, attempts, response_status, error }: Delivery): string {
  return `${id}  ${created_at}  ${event}  ${status}  attempts: ${attempts}  ${error ?? response_status ?? ''}`.trimEnd()
}
