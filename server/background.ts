import { sweepAccounts } from './accounts/sweep.ts'
import { finishRemovals } from './accounts/users.ts'
import { type Revocations, subjectOf } from './auth/revocations.ts'
import type { Config } from './config/config.ts'
import type { Database } from './db/database.ts'
import type { Streams } from './http/streams.ts'
import { enqueueOnce, systemOwner } from './jobs/jobs.ts'
import type { JobKind } from './jobs/run-job.ts'
import { JobRunner } from './jobs/runner.ts'
import type { Log } from './log.ts'
import { Sync } from './sync/sync.ts'
import { pruneDeliveries } from './sync/webhooks/deliveries.ts'
import { Webhooks } from './sync/webhooks/service.ts'
import { jobKind as deliverKind } from './sync/webhooks/webhooks.ts'
import { finishSteps } from './tasks/change/run.ts'
import { stepsJob } from './tasks/change/steps.ts'
import { unlimited } from './tasks/storage.ts'
import { pruneHistory, sweepTrash } from './tasks/sweep.ts'
import { deriveTimes, timeZoneData } from './tasks/time-zone-data.ts'

interface BackgroundOptions {
  readonly config: Config
  readonly db: Database
  readonly log: Log
  /** The accepted secrets, the current one first. */
  readonly secrets: readonly string[]
  readonly revocations: Revocations
  readonly streams: Streams
  /** Aborted at shutdown. */
  readonly stopping: AbortSignal
}

const deriving = `derive-times-${timeZoneData}`

/**
 * Deliveries wait for receivers most of the time. An attempt takes up to 10 s, and the receivers of
 * many users may never answer, so those that take long leave room for the others.
 */
const deliveriesAtOnce = {
  atOnce: 64,
  perOwner: 4,
  long: { after: 500, expected: 20_000, atOnce: 64 },
}

const hourly = (run: () => Promise<unknown>): JobKind => ({ every: 3600, run })

/** What a server does beside requests: jobs, live events and deliveries of webhooks. */
export class Background {
  readonly sync: Sync
  /** Absent without a secret: theirs are encrypted with it. */
  readonly webhooks: Webhooks | undefined
  readonly #db: Database
  readonly #jobs: JobRunner
  readonly #deliveries: JobRunner | undefined

  constructor({ config, db, log, secrets, revocations, streams, stopping }: BackgroundOptions) {
    this.#db = db
    this.sync = new Sync({
      db,
      log,
      stopping,
      readRevocations: () => revocations.recent(),
      turn: (user, read) => streams.turn(user, read),
    })
    this.#jobs = new JobRunner({
      db,
      log,
      kinds: {
        'empty-trash': hourly(() => sweepTrash(db, config.trashDays)),
        'prune-history': hourly(() => pruneHistory(db, config.historyDays)),
        'finish-user-removals': hourly(() => finishRemovals(db)),
        'expire-account-data': hourly(() => sweepAccounts(db)),
        [stepsJob]: {
          run: (job, signal) => finishSteps({ db, owner: job.owner, quota: unlimited }, signal),
        },
        'prune-deliveries': hourly(() => pruneDeliveries(db)),
        [deriving]: { every: 30 * 24 * 3600, run: (_job, signal) => deriveTimes(db, signal) },
      },
    })
    const [first, ...others] = secrets
    if (first === undefined) return
    this.webhooks = new Webhooks({
      db,
      log,
      events: this.sync,
      secrets: [first, ...others],
      privateNetworks: config.webhookNetworks,
      mayDeliver: async owner => {
        await revocations.fresh()
        return !revocations.refuses([subjectOf('user', owner)])
      },
    })
    const deliveries = new JobRunner({
      db,
      log,
      kinds: { [deliverKind]: this.webhooks.kind },
      ...deliveriesAtOnce,
    })
    this.webhooks.onJobs(() => deliveries.wake())
    this.#deliveries = deliveries
  }

  /** The jobs of both runners, for metrics. */
  get jobs() {
    const counts = new Map([...this.#jobs.counts, ...(this.#deliveries?.counts ?? [])])
    return { counts, state: () => this.#jobs.state }
  }

  /** Called while requests use the database: looks for work that other replicas have left. */
  nudge(): void {
    this.#jobs.nudge()
    this.#deliveries?.nudge()
    this.webhooks?.nudge()
  }

  /** Begins to run jobs. The schema must be current. */
  async start(): Promise<void> {
    // A job for each version of the data, which remains in the table: the first start with a
    // version runs it, the others find it done.
    await enqueueOnce(this.#db, { owner: systemOwner, id: deriving, kind: deriving })
    await this.#jobs.start()
    await this.#deliveries?.start()
    this.webhooks?.nudge()
  }

  /** Starts no more jobs, and waits for those that run. */
  async stop(): Promise<void> {
    await this.#deliveries?.stop()
    await this.#jobs.stop()
  }
}
