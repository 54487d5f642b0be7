import { write } from '../../db/database.ts'
import { enqueuedAgain } from '../../jobs/jobs.ts'
import type { JobKind } from '../../jobs/run-job.ts'
import { behind } from '../../tasks/sync-statements.ts'
import { Networks, resolve } from './addresses.ts'
import { Deliveries, type DeliveryOptions } from './delivery-job.ts'
import { hasSucceeded } from './delivery-state.ts'
import { SecretCipher } from './secrets.ts'
import type { Attempt } from './send.ts'
import { jobKind } from './webhooks.ts'

interface WebhooksOptions
  extends Pick<DeliveryOptions, 'db' | 'events' | 'mayDeliver' | 'log'>,
    Partial<Pick<DeliveryOptions, 'resolve'>> {
  /** The accepted secrets of the server. */
  readonly secrets: readonly [string, ...string[]]
  /** Private networks that webhooks may reach. */
  readonly privateNetworks: readonly string[]
}

/** A job for each active webhook of the owner; one that waits for a retry is due then. */
export const wake = write(
  'duly_webhooks_wake',
  `insert into duly.jobs as jobs (user_id, id, kind, enqueued_at, due_at)
  select $1, 'webhook-' || webhooks.id, '${jobKind}', now(), greatest(now(), webhooks.retry_at)
  from duly.webhooks where webhooks.user_id = $1 and webhooks.is_active order by webhooks.id ${enqueuedAgain}`,
)

/** Between two wakes of one owner: writes in quick succession cause one. */
const pauseMs = 200
/** Between two searches for webhooks that were not woken. */
const searchMs = 60_000
const maxBehind = 1000

/**
 * The webhooks of this process. The change log says what is to be delivered, so a write stores
 * nothing for them: after its commit, it wakes the jobs of its owner's webhooks. If the process
 * dies between the two, the next write of the owner wakes them, or a search, which each replica
 * makes once a minute while it serves requests.
 */
export class Webhooks {
  readonly cipher: SecretCipher
  readonly networks: Networks
  /** What metrics show. */
  readonly counts: Record<'succeeded' | 'failed', number> = { succeeded: 0, failed: 0 }
  retries = 0
  disabled = 0
  /** Seconds since the oldest change that is not delivered. */
  oldest = 0
  readonly kind: JobKind
  readonly #options: WebhooksOptions
  readonly #waking = new Map<string, { isAgain: boolean }>()
  #searchedAt = Number.NEGATIVE_INFINITY
  #onJobs: () => void = () => {}
  #onAttempt: (seconds: number) => void = () => {}

  constructor(options: WebhooksOptions) {
    this.#options = options
    this.cipher = new SecretCipher(options.secrets)
    this.networks = new Networks(options.privateNetworks)
    const { cipher, networks } = this
    const onAttempt = (attempt: Attempt, isRetry: boolean) => this.#count(attempt, isRetry)
    const onDisabled = () => {
      this.disabled += 1
    }
    const deliveries = new Deliveries({ resolve, ...options, cipher, networks, onAttempt, onDisabled })
    this.kind = {
      attempts: Number.POSITIVE_INFINITY,
      run: ({ owner, id }, signal) => deliveries.run(owner, Number(id.replace('webhook-', '')), signal),
    }
    options.db.onWritten?.((owner, hasWebhooks) => {
      if (hasWebhooks) this.#wake(owner)
    })
  }

  /** @param look has the runner look for jobs */
  onJobs(look: () => void): void {
    this.#onJobs = look
  }

  /** Calls `listener` with the duration of each attempt, in seconds. */
  onAttempt(listener: (seconds: number) => void): void {
    this.#onAttempt = listener
  }

  /** Jobs were enqueued. */
  look(): void {
    this.#onJobs()
  }

  /** Called while the database is in use: looks for webhooks that were not woken, now and then. */
  nudge(): void {
    const now = performance.now()
    if (now - this.#searchedAt < searchMs) return
    this.#searchedAt = now
    this.search().catch(error =>
      this.#options.log.warn({ err: error }, 'cannot look for webhooks that have something to deliver'),
    )
  }

  /** Wakes the webhooks that have something to deliver. */
  async search(): Promise<void> {
    const owners = await this.#options.db.query(behind, [maxBehind])
    this.oldest = Math.max(0, ...owners.map(([, seconds]) => Number(seconds)))
    for (const [owner] of owners) this.#wake(String(owner))
  }

  #wake(owner: string): void {
    const waking = this.#waking.get(owner)
    if (waking) {
      waking.isAgain = true
      return
    }
    this.#waking.set(owner, { isAgain: false })
    void this.#enqueue(owner)
  }

  async #enqueue(owner: string): Promise<void> {
    try {
      await this.#options.db.query(wake, [owner])
      this.#onJobs()
    } catch (error) {
      // The search finds them later.
      this.#options.log.warn({ err: error }, 'cannot enqueue deliveries of webhooks')
    }
    setTimeout(() => {
      const isAgain = this.#waking.get(owner)?.isAgain
      this.#waking.delete(owner)
      if (isAgain) this.#wake(owner)
    }, pauseMs).unref()
  }

  #count(attempt: Attempt, isRetry: boolean): void {
    this.counts[hasSucceeded(attempt) ? 'succeeded' : 'failed'] += 1
    if (isRetry) this.retries += 1
    this.#onAttempt(attempt.ms / 1000)
  }
}
