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
  /** Leaves room for the jobs of other owners while those of some run long. */
  readonly long?: LongRuns
}

interface LongRuns {
  /** Milliseconds after which a run is long. */
  readonly after: number
  /** Milliseconds for which the jobs of its owner are then expected to run long. */
  readonly expected: number
  /** Jobs of such owners that run concurrently, beside `atOnce` jobs of others. */
  readonly atOnce: number
}

const never: LongRuns = { after: Number.POSITIVE_INFINITY, expected: 0, atOnce: 0 }
const defaults = { lease: 30, pause: 5, atOnce: 4, perOwner: Number.POSITIVE_INFINITY, long: never }
/** Seconds between two counts of all jobs, for metrics. */
const countedEvery = 60
/** Longest time in seconds between two looks at the table. */
const longestSleep = 3600
/** Seconds to the next look if a job is due that this one did not take. */
const soon = 0.02

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
  /** Owners of long runs, and until when theirs are expected to be long. */
  readonly #long = new Map<string, number>()
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
    const { db, log, lease, atOnce, perOwner, long } = this.#options
    const kinds = Object.keys(this.#options.kinds)
    try {
      this.#forgetLong()
      const busy = [...this.#running.values()].map(({ owner }) => owner)
      const isLong = (owner: string) => this.#long.has(owner)
      const countLong = () => busy.filter(isLong).length
      const room = atOnce - busy.length + countLong()
      // A job that ends, or runs long, calls `wake`.
      if (room <= 0) return longestSleep
      const isFull = (owner: string) =>
        busy.filter(other => other === owner).length >= perOwner ||
        (isLong(owner) && countLong() >= long.atOnce)
      const fullOwners = () => [...new Set([...busy, ...this.#long.keys()])].filter(isFull)
      const due = await dueJobs(db, kinds, room, fullOwners())
      for (const [owner, id] of due) {
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
        const noting = this.#noteWhenLong(owner)
        const ended = this.#run(job).finally(() => {
          clearTimeout(noting)
          this.#running.delete(key)
          this.wake()
        })
        busy.push(owner)
        this.#running.set(key, { owner, ended })
        // Jobs that are expected to run long have left room.
        if (due.length === room && isLong(owner)) this.#lookAgain = true
      }
      await this.#count()
      const seconds = (await secondsToNext(db, kinds, fullOwners())) ?? longestSleep
      return seconds > 0 ? Math.min(seconds, longestSleep) : soon
    } catch (error) {
      log.warn({ err: error }, 'cannot read the job table; retrying')
      return lease
    }
  }

  /** @returns the timer of a run that begins */
  #noteWhenLong(owner: string): NodeJS.Timeout | undefined {
    const { after, expected } = this.#options.long
    if (after === Number.POSITIVE_INFINITY) return undefined
    return setTimeout(() => {
      this.#long.delete(owner)
      this.#long.set(owner, performance.now() + expected)
      this.wake()
    }, after).unref()
  }

  #forgetLong(): void {
    const now = performance.now()
    for (const [owner, until] of this.#long) {
      if (until > now) return
      this.#long.delete(owner)
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
