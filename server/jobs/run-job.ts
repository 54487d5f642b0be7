import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'
import { failJob, finishJob, type LeasedJob, releaseJob, renewJob, repeatJob } from './jobs.ts'

/** A kind of job. Jobs run at least once, never twice at the same time; make them idempotent. */
export interface JobKind {
  /** @param signal aborted when the lease is lost or the server stops */
  run(job: LeasedJob, signal: AbortSignal): Promise<unknown>
  /** Seconds from the end of one run to the next. The runner enqueues recurring jobs itself. */
  readonly every?: number
  /** Consecutive failures after which a job is dead. Recurring jobs are always retried. */
  readonly attempts?: number
}

const defaultAttempts = 12
/** Seconds: 5, 10, 20 … up to an hour, half of it random (equal jitter). */
const backOff = { first: 5, most: 3600 }

interface Surroundings {
  readonly db: Database
  readonly log: Log
  /** Seconds for which the job is leased. */
  readonly lease: number
  /** Aborted when the server stops. */
  readonly stopping: AbortSignal
}

/** `released`: stopped with the server, and due at once. `dead`: failed, and not retried. */
type Outcome = 'done' | 'failed' | 'dead' | 'released'

/** Runs a leased job, renews its lease meanwhile, and records how it ended. Never rejects. */
export async function runJob(job: LeasedJob, kind: JobKind, surroundings: Surroundings): Promise<Outcome> {
  const { db, log, lease, stopping } = surroundings
  const lost = new AbortController()
  let renewedAt = performance.now()
  const renewing = setInterval(
    () => {
      renewJob(db, job, lease).then(
        held => {
          if (held) renewedAt = performance.now()
          else lost.abort()
        },
        error => {
          log.warn({ err: error, job: job.kind }, 'cannot renew the lease of a job')
          // Another process may have taken it.
          if (performance.now() - renewedAt >= lease * 1000) lost.abort()
        },
      )
    },
    (lease * 1000) / 3,
  )
  try {
    await kind.run(job, AbortSignal.any([lost.signal, stopping]))
    if (kind.every === undefined) await finishJob(db, job)
    else await repeatJob(db, job, kind.every)
    return 'done'
  } catch (error) {
    const failures = job.failures + 1
    const dead = kind.every === undefined && failures >= (kind.attempts ?? defaultAttempts)
    const outcome = stopping.aborted ? 'released' : dead ? 'dead' : 'failed'
    const recorded =
      outcome === 'released' ? releaseJob(db, job) : fail(job, { error, dead, failures }, surroundings)
    await recorded.catch(cause =>
      log.warn(
        { err: cause, job: job.kind },
        'cannot record that a job failed; it runs again when its lease ends',
      ),
    )
    return outcome
  } finally {
    clearInterval(renewing)
  }
}

async function fail(
  job: LeasedJob,
  { error, dead, failures }: { error: unknown; dead: boolean; failures: number },
  { db, log }: Surroundings,
): Promise<void> {
  const delay = Math.min(backOff.most, backOff.first * 2 ** job.failures) * (0.5 + Math.random() / 2)
  const facts = { err: error, job: job.kind, failures }
  if (dead) log.error(facts, 'job failed too often and is not retried')
  else log.warn({ ...facts, retryInSeconds: Math.round(delay) }, 'job failed and will be retried')
  await failJob(db, job, { error: String(error).slice(0, 1000), dead, delay })
}
