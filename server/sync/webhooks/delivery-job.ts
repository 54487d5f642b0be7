import { setTimeout as pause } from 'node:timers/promises'
import type { Database, Session } from '../../db/database.ts'
import { AppError } from '../../errors.ts'
import { enqueue } from '../../jobs/jobs.ts'
import { Buckets } from '../../limits/buckets.ts'
import { fillingMs } from '../../limits/rate.ts'
import type { Log } from '../../log.ts'
import { noteWebhooks } from '../../tasks/sync-statements.ts'
import { dataOf, type EventPage } from '../events.ts'
import { readLive } from '../items.ts'
import { isWhole, type Position } from '../position.ts'
import type { Networks, Resolve } from './addresses.ts'
import { type Message, messageId, resetEvent, trimDeliveries } from './deliveries.ts'
import {
  hasSucceeded,
  loadTarget,
  moveOn,
  recordAgain,
  recordAttempt,
  requestedOf,
  type Target,
} from './delivery-state.ts'
import { wants } from './fields.ts'
import { type SecretCipher, signatureOf } from './secrets.ts'
import { type Attempt, newAgent, send } from './send.ts'
import { jobOf } from './webhooks.ts'

/** The log of an owner, as `Sync` reads it. */
interface EventLog {
  page(owner: string, position: Position): Promise<EventPage>
  end(owner: string): Promise<Position>
  run<T>(owner: string, read: (db: Session) => Promise<T>): Promise<T>
}

export interface DeliveryOptions {
  readonly db: Database
  readonly events: EventLog
  readonly cipher: SecretCipher
  readonly networks: Networks
  readonly resolve: Resolve
  /** Whether events of this owner may be sent: not while the account is disabled. */
  readonly mayDeliver: (owner: string) => Promise<boolean>
  readonly onAttempt: (attempt: Attempt, isRetry: boolean) => void
  /** A webhook is no longer active because its receiver failed. */
  readonly onDisabled: () => void
  readonly log: Log
}

interface Outgoing {
  readonly message: Message
  readonly data: string
  /** The position of the webhook after it is delivered. */
  readonly to: Position
}

/**
 * Limits of one run: attempts, and the time after which no attempt begins. The job continues after
 * others have run.
 */
const maxAttempts = 100
const maxMs = 5000
const maxRequested = 20
/** Attempts for all webhooks of an owner in this process. */
const rate = { perSecond: 100, burst: 200 }
/** Seconds: 5, 10, 20 … up to three hours, and up to a tenth more. */
const pauses = { first: 5, most: 3 * 3600 }

/**
 * Seconds until the next attempt.
 * @param failures in a row, 1 at least
 * @param random from 0 to 1
 */
export const pauseAfter = (failures: number, random: number): number =>
  Math.min(pauses.most, pauses.first * 2 ** (failures - 1)) * (1 + random / 10)

/**
 * Delivers the events of webhooks. Each webhook has one job, so its messages are sent one after
 * the other. The position of a webhook moves after a delivery: a message whose delivery was not
 * recorded is sent again, with the same id.
 */
export class Deliveries {
  readonly #options: DeliveryOptions
  readonly #pace = new Buckets({ rate })

  constructor(options: DeliveryOptions) {
    this.#options = options
  }

  async run(owner: string, id: number, signal: AbortSignal): Promise<void> {
    const { db } = this.#options
    const target = await loadTarget(db, owner, id)
    if (!target || !(await this.#options.mayDeliver(owner))) return
    const agent = newAgent(target.url.protocol)
    const until = performance.now() + maxMs
    let attempts = 0
    const attempt = async (message: Message, data: string, isRetry: boolean) => {
      if (attempts > 0 && performance.now() > until) throw new RunEnds(0)
      await this.#waitForTurn(owner, signal)
      await this.#checkAgain(owner, id, target)
      attempts += 1
      const body = `{"type":"${message.event}","timestamp":"${message.at}","data":${data}}`
      const result = await this.#send(owner, target, { id: message.id, body }, agent, signal)
      signal.throwIfAborted()
      this.#options.onAttempt(result, isRetry)
      return result
    }
    try {
      for (const message of await requestedOf(db, { owner, id }, maxRequested))
        await recordAgain(
          db,
          { owner, id },
          message,
          await attempt(message, await this.#dataOf(owner, message), false),
        )
      await this.#enqueue(owner, id, await this.#deliver(owner, id, target, attempt))
      if (Math.random() < attempts / maxAttempts) await trimDeliveries(db, owner, id)
    } catch (error) {
      if (!(error instanceof RunEnds)) throw error
      await this.#enqueue(owner, id, error.delay)
    } finally {
      agent.destroy()
    }
  }

  async #enqueue(owner: string, id: number, delay: number | undefined): Promise<void> {
    if (delay !== undefined) await enqueue(this.#options.db, { ...jobOf(owner, id), delay })
  }

  /**
   * Attempts, turns and reads take long: meanwhile the user may have changed or deleted the
   * webhook, or may be disabled.
   */
  async #checkAgain(owner: string, id: number, { version }: Target): Promise<void> {
    const target = await loadTarget(this.#options.db, owner, id)
    if (!target || !(await this.#options.mayDeliver(owner))) throw new RunEnds(undefined)
    if (target.version !== version) throw new RunEnds(0)
  }

  /** Delivers new events. @returns seconds until the next run, if there is one */
  async #deliver(
    owner: string,
    id: number,
    target: Target,
    attempt: (message: Message, data: string, isRetry: boolean) => Promise<Attempt>,
  ): Promise<number | undefined> {
    const { db } = this.#options
    let { position, failures } = target
    if (!target.isActive) return undefined
    if (target.wait > 0) return target.wait
    for (let left = maxAttempts; ; ) {
      const page = await this.#read(owner, id, target.events, position)
      for (const { message, data, to } of page.outgoing) {
        if (left === 0) return 0
        left -= 1
        const result = await attempt(message, data, failures > 0)
        const seconds = pauseAfter(failures + 1, Math.random())
        const outcome = { message, attempt: result, pause: seconds }
        const state = await recordAttempt(db, { owner, id }, { from: position, to }, outcome)
        if (!state) return undefined
        if (!state.isActive) {
          // Unless the user has deactivated it.
          if (state.isDisabled) this.#options.onDisabled()
          await db.query(noteWebhooks, [owner])
          return undefined
        }
        if (!hasSucceeded(result)) return seconds
        // The user has changed the webhook.
        if (state.version !== target.version) return 0
        position = to
        failures = 0
      }
      if (!isSame(position, page.end) && !(await moveOn(db, { owner, id }, position, page.end)))
        return undefined
      position = page.end
      if (!page.hasMore) return undefined
    }
  }

  async #read(owner: string, webhook: number, events: readonly string[], position: Position) {
    try {
      const page = await this.#options.events.page(owner, position)
      const wanted = page.events.filter(({ name }) => wants(events, name))
      const outgoing = wanted.map(({ name, data, entry, position: to }): Outgoing => {
        const { at, revision, type, id: item, actor } = entry
        const { epoch } = page.state
        const id = messageId(owner, webhook, to)
        return { message: { id, event: name, at, epoch, revision, type, item, actor }, data, to }
      })
      return { outgoing, end: page.end, hasMore: page.hasMore }
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'resync_required') throw error
      const end = await this.#options.events.end(owner)
      return { outgoing: [reset(owner, webhook, position, end)], end, hasMore: true }
    }
  }

  /** The data of a message that is sent again. */
  async #dataOf(owner: string, { epoch, revision, type, item, actor }: Message): Promise<string> {
    if (type === 0) return '{}'
    const entry = { type, id: item, revision, actor, state: 'live', bytes: 0 }
    const bodies = await readLive([entry], owner, read => this.#options.events.run(owner, read))
    return dataOf(owner, epoch, entry, bodies)
  }

  async #send(
    owner: string,
    { url, secrets }: Target,
    { id, body }: { readonly id: string; readonly body: string },
    agent: ReturnType<typeof newAgent>,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const { cipher, networks, resolve, log } = this.#options
    const known = secrets.flatMap(text => cipher.decrypt(owner, text) ?? [])
    if (known.length === 0) {
      log.error('cannot decrypt the secret of a webhook: BETTER_AUTH_SECRET has changed')
      return { status: null, error: 'secret_unreadable', ms: 0 }
    }
    const seconds = Math.floor(Date.now() / 1000)
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Duly-Webhooks',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': signatureOf({ id, seconds, body }, known),
    }
    return send(url, { headers, body }, { networks, resolve, agent, signal })
  }

  async #waitForTurn(owner: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const excess = this.#pace.take(owner) - fillingMs(rate)
      if (excess <= 1) return
      await pause(excess, undefined, { signal })
    }
  }
}

/** Ends a run before its next attempt. */
class RunEnds extends Error {
  /** Seconds until the next run, if there is one. */
  readonly delay: number | undefined

  constructor(delay: number | undefined) {
    super('the run ends')
    this.delay = delay
  }
}

/** Tells the receiver that events are missing: the log no longer reaches back to them. */
function reset(owner: string, webhook: number, position: Position, to: Position): Outgoing {
  const { epoch, revision } = to
  const id = messageId(owner, webhook, position, true)
  const at = new Date().toISOString()
  const message = { id, event: resetEvent, at, epoch, revision, type: 0, item: 0, actor: '' }
  return { message, data: '{}', to }
}

const isSame = (one: Position, other: Position) =>
  one.epoch === other.epoch &&
  one.revision === other.revision &&
  (isWhole(one) ? isWhole(other) : one.type === other.type && one.id === other.id)
