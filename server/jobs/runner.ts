import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'
import {
  dueJobs,
  enqueueOnce,
  failJob,
  finishJob,
  type LeasedJob,
  type QueueState,
  queueState,
  releaseJob,
  renewJob,
  repeatJob,
  secondsToNext,
  systemOwner,
  takeJob,
} from './jobs.ts'

/**
 * A kind of job. Each job runs at least once and never twice at the same time, so it must be
 * idempotent.
 */
export interface JobKind {
  /** @param signal aborted when the lease is lost or the server stops */
  run(job: LeasedJob, signal: AbortSignal): Promise<unknown>
  /** Seconds from the end of one run to the next. The runner enqueues recurring jobs itself. */
  readonly every?: number
  /** Consecutive failures after which a job is dead. Recurring jobs are always retried. */
  readonly attempts?: number
}

export interface JobRunnerOptions {
  readonly db: Database
  readonly log: Log
  readonly kinds: Readonly<Record<string, JobKind>>
  /** Seconds for which a job is leased; renewed while it runs. */
  readonly lease?: number
  /** Minimum seconds between two looks that `nudge` causes. */
  readonly pause?: number
}

const defaults = { lease: 30, pause: 5, attempts: 12 }
/** Seconds between two counts of all jobs, for metrics. */
const countedEvery = 60
/** Longest time in seconds between two looks at the table. */
const longestSleep = 3600
/** Jobs that one process runs concurrently. */
const atOnce = 4
/** Seconds: 5, 10, 20 … up to an hour, half of it random (equal jitter). */
const backOff = { first: 5, most: 3600 }

export interface KindCounts {
  done: number
  failed: number
  dead: number
}

/**
 * Runs due jobs; every replica has one. It sleeps until the next job is due, so that a serverless
 * database can suspend. Each replica runs the jobs it enqueues. If a replica dies, another one
 * finds its jobs at the next look, which `nudge` causes while requests are served.
 */
export class JobRunner {
  readonly counts: ReadonlyMap<string, KindCounts>
  readonly #options: Required<JobRunnerOptions>
  readonly #running = new Map<string, Promise<void>>()
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #lookedAt = 0
  #state: QueueState = { waiting: 0, oldest: 0, dead: 0 }
  #countedAt = Number.NEGATIVE_INFINITY
  #lookAgain = false

  constructor(options: JobRunnerOptions) {
    this.#options = { lease: defaults.lease, pause: defaults.pause, ...options }
    this.counts = new Map(Object.keys(options.kinds).map(kind => [kind, { done: 0, failed: 0, dead: 0 }]))
  }

  /** Enqueues missing recurring jobs, and starts to look for due jobs. */
  async start(): Promise<void> {
    // All at the same moment, so that an idle database is woken only once.
    const moment = Math.random()
    for (const [kind, { every }] of Object.entries(this.#options.kinds)) {
      if (every === undefined) continue
      await enqueueOnce(this.#options.db, { owner: systemOwner, id: kind, kind, delay: moment * every })
    }
    this.wake()
  }

  /** Looks for jobs now. Call it after enqueueing one. */
  wake(): void {
    if (this.#stopping.signal.aborted) return
    if (this.#looking) {
      this.#lookAgain = true
      return
    }
    clearTimeout(this.#timer)
    this.#lookedAt = performance.now()
    this.#looking = this.#look().then(seconds => {
      this.#looking = undefined
      if (this.#lookAgain) {
        this.#lookAgain = false
        this.wake()
      } else if (!this.#stopping.signal.aborted) {
        this.#timer = setTimeout(() => this.wake(), seconds * 1000).unref()
      }
    })
  }

  /**
   * Looks for jobs if the last look was some seconds ago. Called when the database is in use
   * anyway.
   */
  nudge(): void {
    if (performance.now() - this.#lookedAt >= this.#options.pause * 1000) this.wake()
  }

  /** Starts no more jobs, aborts the running ones and waits for them. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.#looking
    await Promise.all(this.#running.values())
  }

  /** Counted at most once a minute, when this process looks for jobs. */
  get state(): QueueState {
    return this.#state
  }

  /** @returns seconds until the next look; never rejects */
  async #look(): Promise<number> {
    const { db, log, lease } = this.#options
    const kinds = Object.keys(this.#options.kinds)
    try {
      const room = atOnce - this.#running.size
      // A job that ends calls `wake`.
      if (room === 0) return longestSleep
      for (const [owner, id] of await dueJobs(db, kinds, room)) {
        if (this.#stopping.signal.aborted) return 0
        const key = JSON.stringify([owner, id])
        if (this.#running.has(key)) continue
        const job = await takeJob(db, owner, id, lease)
        if (!job) continue
        const ended = this.#run(job).finally(() => {
          this.#running.delete(key)
          this.wake()
        })
        this.#running.set(key, ended)
      }
      await this.#count()
      const seconds = (await secondsToNext(db, kinds)) ?? longestSleep
      return seconds > 0 ? Math.min(seconds, longestSleep) : lease
    } catch (error) {
      log.warn({ err: error }, 'cannot read the job table; retrying')
      return lease
    }
  }

  async #count(): Promise<void> {
    const now = performance.now()
    if (now - this.#countedAt < countedEvery * 1000) return
    this.#countedAt = now
    this.#state = await queueState(this.#options.db)
  }

  async #run(job: LeasedJob): Promise<void> {
    const { db, log, lease } = this.#options
    // `dueJobs` returns only these kinds.
    const kind = this.#options.kinds[job.kind] as JobKind
    const lost = new AbortController()
    const signal = AbortSignal.any([lost.signal, this.#stopping.signal])
    const renewing = setInterval(
      () => {
        renewJob(db, job, lease).then(
          held => {
            if (!held) lost.abort()
          },
          error => log.warn({ err: error, job: job.kind }, 'cannot renew the lease of a job'),
        )
      },
      (lease * 1000) / 3,
    )
    try {
      await kind.run(job, signal)
      this.#tally(job, 'done')
      if (kind.every === undefined) await finishJob(db, job)
      else await repeatJob(db, job, kind.every)
    } catch (error) {
      const recorded = this.#stopping.signal.aborted ? releaseJob(db, job) : this.#fail(job, kind, error)
      await recorded.catch(cause =>
        log.warn(
          { err: cause, job: job.kind },
          'cannot record that a job failed; it runs again when its lease ends',
        ),
      )
    } finally {
      clearInterval(renewing)
    }
  }

  async #fail(job: LeasedJob, kind: JobKind, error: unknown): Promise<void> {
    const { db, log } = this.#options
    const failures = job.failures + 1
    const dead = kind.every === undefined && failures >= (kind.attempts ?? defaults.attempts)
    const delay = Math.min(backOff.most, backOff.first * 2 ** job.failures) * (0.5 + Math.random() / 2)
    this.#tally(job, 'failed')
    if (dead) this.#tally(job, 'dead')
    const facts = { err: error, job: job.kind, failures }
    if (dead) log.error(facts, 'job failed too often and is not retried')
    else log.warn({ ...facts, retryInSeconds: Math.round(delay) }, 'job failed and will be retried')
    await failJob(db, job, { error: String(error).slice(0, 1000), dead, delay })
  }

  #tally({ kind }: LeasedJob, outcome: keyof KindCounts): void {
    const counts = this.counts.get(kind)
    if (counts) counts[outcome] += 1
  }
}
