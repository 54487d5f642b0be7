import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'
import {
  dueJobs,
  enqueueOnce,
  type LeasedJob,
  type QueueState,
  queueState,
  secondsToNext,
  systemOwner,
  takeJob,
} from './jobs.ts'
import { type JobKind, runJob } from './run-job.ts'

interface JobRunnerOptions {
  readonly db: Database
  readonly log: Log
  readonly kinds: Readonly<Record<string, JobKind>>
  /** Seconds for which a job is leased; renewed while it runs. */
  readonly lease?: number
  /** Minimum seconds between two looks that `nudge` causes. */
  readonly pause?: number
  /** Jobs that this process runs concurrently. */
  readonly atOnce?: number
  /** Jobs of one owner among them. */
  readonly perOwner?: number
}

const defaults = { lease: 30, pause: 5, atOnce: 4, perOwner: Number.POSITIVE_INFINITY }
/** Seconds between two counts of all jobs, for metrics. */
const countedEvery = 60
/** Longest time in seconds between two looks at the table. */
const longestSleep = 3600

interface KindCounts {
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
  readonly #running = new Map<string, { readonly owner: string; readonly ended: Promise<void> }>()
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #lookedAt = 0
  #state: QueueState = { waiting: 0, oldest: 0, dead: 0 }
  #countedAt = Number.NEGATIVE_INFINITY
  #lookAgain = false

  constructor(options: JobRunnerOptions) {
    this.#options = { ...defaults, ...options }
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

  /** Looks for jobs if the last look was some seconds ago. Called when the database is in use. */
  nudge(): void {
    if (performance.now() - this.#lookedAt >= this.#options.pause * 1000) this.wake()
  }

  /** Starts no more jobs, aborts the running ones and waits for them. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.#looking
    await Promise.all([...this.#running.values()].map(({ ended }) => ended))
  }

  /** Counted at most once a minute, when this process looks for jobs. */
  get state(): QueueState {
    return this.#state
  }

  /** @returns seconds until the next look; never rejects */
  async #look(): Promise<number> {
    const { db, log, lease, atOnce, perOwner } = this.#options
    const kinds = Object.keys(this.#options.kinds)
    try {
      const room = atOnce - this.#running.size
      // A job that ends calls `wake`.
      if (room === 0) return longestSleep
      const busy = [...this.#running.values()].map(({ owner }) => owner)
      const isFull = (owner: string) => busy.filter(other => other === owner).length >= perOwner
      const full = [...new Set(busy)].filter(isFull)
      for (const [owner, id] of await dueJobs(db, kinds, room, full)) {
        if (this.#stopping.signal.aborted) return 0
        if (isFull(owner)) {
          // Those of other owners may follow.
          this.#lookAgain = true
          continue
        }
        const key = JSON.stringify([owner, id])
        if (this.#running.has(key)) continue
        const job = await takeJob(db, owner, id, lease)
        if (!job) continue
        const ended = this.#run(job).finally(() => {
          this.#running.delete(key)
          this.wake()
        })
        busy.push(owner)
        this.#running.set(key, { owner, ended })
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
    // `dueJobs` returns only these kinds.
    const kind = this.#options.kinds[job.kind] as JobKind
    const outcome = await runJob(job, kind, { ...this.#options, stopping: this.#stopping.signal })
    const counts = this.counts.get(job.kind)
    if (!counts || outcome === 'released') return
    counts[outcome === 'done' ? 'done' : 'failed'] += 1
    if (outcome === 'dead') counts.dead += 1
  }
}
