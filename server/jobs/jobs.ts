import { quick, type Session, statement, write } from '../db/database.ts'

// A table of background jobs, distributed by owner: all statements but `due`, `next`, `leaseEnd`
// and `state` name the owner. Jobs that belong to no user have the owner ''. Taking a job is one
// conditional update: Citus rejects `for update` across shards.

/** Owner of jobs that belong to no user. */
export const systemOwner = ''

interface NewJob {
  readonly owner: string
  /** Unique per owner. Enqueueing an existing id makes that job run once more. */
  readonly id: string
  readonly kind: string
  readonly payload?: unknown
  /** Seconds from now, 0 by default. */
  readonly delay?: number
}

/** A job whose lease this process holds. */
export interface LeasedJob {
  readonly owner: string
  readonly id: string
  readonly kind: string
  readonly payload: unknown
  /** Number of the lease, a fencing token: a statement with an older number changes nothing. */
  readonly lease: number
  /** Due time as PostgreSQL prints it. It changes when the job is enqueued again. */
  readonly dueAt: string
  /** Consecutive failures before this attempt. */
  readonly failures: number
}

export interface QueueState {
  /** Jobs that are due and not leased. */
  readonly waiting: number
  /** Seconds since the oldest waiting job became due. */
  readonly oldest: number
  /** Jobs that failed too often and are not retried. */
  readonly dead: number
}

const seconds = (value: string) => `make_interval(secs => ${value}::double precision)`
const ours = 'jobs.user_id = $1 and jobs.id = $2 and jobs.lease = $3::bigint'

// Citus rejects now() in `on conflict … do update`: the times come from `excluded`.
/**
 * SQL: what enqueueing does to a job that exists. The table is called `jobs`. A leased job gets
 * another due time, even if the clock shows the same: that of the embedded database counts
 * milliseconds.
 */
export const enqueuedAgain = `on conflict (user_id, id) do update set payload = excluded.payload, enqueued_at = excluded.enqueued_at,
    failures = 0, dead = false,
    due_at = case when jobs.dead then excluded.due_at
      when jobs.leased_until > excluded.enqueued_at then greatest(excluded.due_at, jobs.due_at + interval '1 microsecond')
      else least(jobs.due_at, excluded.due_at) end`

const insert = write(
  'duly_job_enqueue',
  `insert into duly.jobs as jobs (user_id, id, kind, payload, enqueued_at, due_at)
  values ($1, $2, $3, $4::text::jsonb, now(), now() + ${seconds('$5')}) ${enqueuedAgain}`,
)

const insertOnce = write(
  'duly_job_enqueue_once',
  `insert into duly.jobs (user_id, id, kind, enqueued_at, due_at)
  values ($1, $2, $3, now(), now() + ${seconds('$4')}) on conflict (user_id, id) do nothing`,
)

const payload = quick(
  'duly_job_payload',
  'select jobs.payload::text from duly.jobs where jobs.user_id = $1 and jobs.id = $2',
)

const setPayload = write(
  'duly_job_set_payload',
  'update duly.jobs set payload = $3::text::jsonb where jobs.user_id = $1 and jobs.id = $2',
)

const remove = write('duly_job_remove', 'delete from duly.jobs where jobs.user_id = $1 and jobs.id = $2')

/** Reads across owners without locks; `take` decides. Skips kinds of newer versions. */
const due = statement(
  'duly_jobs_due',
  `select user_id, id from duly.jobs
  where not dead and due_at <= now() and leased_until < now() and kind = any($1::text[])
    and user_id <> all($3::text[])
  order by due_at limit $2`,
)

const next = statement(
  'duly_jobs_next',
  `select extract(epoch from min(due_at) - now()) from duly.jobs
  where not dead and leased_until < now() and kind = any($1::text[]) and user_id <> all($2::text[])`,
)

const leaseEnd = statement(
  'duly_jobs_lease_end',
  `select extract(epoch from min(leased_until) - now()) from duly.jobs
  where not dead and due_at <= now() and leased_until >= now() and kind = any($1::text[])`,
)

const take = write(
  'duly_job_take',
  `update duly.jobs set lease = lease + 1, leased_until = now() + ${seconds('$3')}
  where jobs.user_id = $1 and jobs.id = $2 and not dead
    and due_at <= now() and leased_until < now()
  returning kind, payload::text, lease, due_at::text, failures`,
)

const renew = write(
  'duly_job_renew',
  `update duly.jobs set leased_until = now() + ${seconds('$4')} where ${ours} returning true`,
)

// A job enqueued again while it ran has another `due_at`: it stays and can be taken at once.
const finish = write(
  'duly_job_finish',
  `delete from duly.jobs where ${ours} and due_at = $4::text::timestamptz returning true`,
)

const release = write('duly_job_release', `update duly.jobs set leased_until = '-infinity' where ${ours}`)

const repeat = write(
  'duly_job_repeat',
  `update duly.jobs set leased_until = '-infinity', failures = 0,
    due_at = case when due_at = $4::text::timestamptz then now() + ${seconds('$5')} else due_at end
  where ${ours}`,
)

const fail = write(
  'duly_job_fail',
  `update duly.jobs set leased_until = '-infinity', failures = failures + 1, error = $4,
    dead = $5::boolean and due_at = $7::text::timestamptz, due_at = now() + ${seconds('$6')} where ${ours}`,
)

const state = statement(
  'duly_jobs_state',
  `select count(*) filter (where is_waiting), coalesce(extract(epoch from now() - min(due_at) filter (where is_waiting)), 0),
    count(*) filter (where dead)
  from (select dead, due_at, not dead and due_at <= now() and leased_until < now() as is_waiting from duly.jobs) as jobs`,
)

/** Adds a job. An existing job with this id runs once more, even if it is running or dead. */
export async function enqueue(
  session: Session,
  { owner, id, kind, payload, delay = 0 }: NewJob,
): Promise<void> {
  await session.query(insert, [owner, id, kind, JSON.stringify(payload ?? null), delay])
}

/** Adds a job unless one with this id exists. */
export async function enqueueOnce(session: Session, { owner, id, kind, delay = 0 }: NewJob): Promise<void> {
  await session.query(insertOnce, [owner, id, kind, delay])
}

/** @returns undefined if there is no such job */
export async function payloadOf(session: Session, owner: string, id: string): Promise<unknown> {
  const [row] = await session.query(payload, [owner, id])
  return row && JSON.parse(row[0] ?? 'null')
}

/** Changes what a job says, even if it is running. */
export async function changePayload(
  session: Session,
  owner: string,
  id: string,
  payload: unknown,
): Promise<void> {
  await session.query(setPayload, [owner, id, JSON.stringify(payload)])
}

/** Removes a job, even if it is running. */
export async function removeJob(session: Session, owner: string, id: string): Promise<void> {
  await session.query(remove, [owner, id])
}

/** Owner and id of due jobs, oldest first. @param except owners whose jobs are left out */
export async function dueJobs(
  session: Session,
  kinds: readonly string[],
  limit: number,
  except: readonly string[] = [],
): Promise<(readonly [string, string])[]> {
  const rows = await session.query(due, [kinds, limit, except])
  return rows.map(([owner, id]) => [String(owner), String(id)])
}

/**
 * @param except owners whose jobs are left out
 * @returns seconds until a job can be taken: it is due, or the process that holds it has died.
 * Negative if one is due; undefined if there is none.
 */
export async function secondsToNext(
  session: Session,
  kinds: readonly string[],
  except: readonly string[] = [],
): Promise<number | undefined> {
  // In this order: a lease that ends between the two is found by the second.
  const found = [await session.query(leaseEnd, [kinds]), await session.query(next, [kinds, except])]
  const times = found.flatMap(([row]) => (row?.[0] == null ? [] : [Number(row[0])]))
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Leases a job for `lease` seconds. @returns undefined if another process took it first */
export async function takeJob(
  session: Session,
  owner: string,
  id: string,
  lease: number,
): Promise<LeasedJob | undefined> {
  const [row] = await session.query(take, [owner, id, lease])
  if (!row) return undefined
  const [kind, payload, number, dueAt, failures] = row
  return {
    owner,
    id,
    kind: String(kind),
    payload: payload == null ? null : JSON.parse(payload),
    lease: Number(number),
    dueAt: String(dueAt),
    failures: Number(failures),
  }
}

/** @returns whether the lease was still held */
export async function renewJob(session: Session, job: LeasedJob, lease: number): Promise<boolean> {
  return (await session.query(renew, [job.owner, job.id, job.lease, lease])).length > 0
}

/** Ends a lease, so that another process can take the job at once. */
export async function releaseJob(session: Session, job: LeasedJob): Promise<void> {
  await session.query(release, [job.owner, job.id, job.lease])
}

/** Removes a finished job, unless it was enqueued again while it ran. */
export async function finishJob(session: Session, job: LeasedJob): Promise<void> {
  const removed = await session.query(finish, [job.owner, job.id, job.lease, job.dueAt])
  if (removed.length === 0) await releaseJob(session, job)
}

/** Schedules the next run of a recurring job, in `delay` seconds. */
export async function repeatJob(session: Session, job: LeasedJob, delay: number): Promise<void> {
  await session.query(repeat, [job.owner, job.id, job.lease, job.dueAt, delay])
}

/**
 * Schedules a retry of a failed job in `delay` seconds, or marks it as dead unless it was enqueued
 * again while it ran.
 */
export async function failJob(
  session: Session,
  job: LeasedJob,
  { error, dead, delay }: { readonly error: string; readonly dead: boolean; readonly delay: number },
): Promise<void> {
  await session.query(fail, [job.owner, job.id, job.lease, error, dead, delay, job.dueAt])
}

/** Counts jobs of all owners, for metrics. */
export async function queueState(session: Session): Promise<QueueState> {
  const [row] = await session.query(state)
  return { waiting: Number(row?.[0]), oldest: Number(row?.[1]), dead: Number(row?.[2]) }
}
