import type { Database } from '../db/database.ts'
import type { Metrics } from './metrics.ts'

// Metrics that are read from the parts of the server on each scrape.

export interface Facts {
  readonly version: string
  readonly contract: string
  readonly database: 'postgres' | 'embedded'
}

export function watchFacts(metrics: Metrics, facts: Facts): void {
  const labels = { version: facts.version, contract: facts.contract, database: facts.database }
  metrics.gauge('duly_info', 'Version, contract and kind of database; always 1.', () => [[labels, 1]])
}

export function watchDatabase(metrics: Metrics, db: Database): void {
  metrics.gauge('db_client_connection_count', 'Database sessions, by state.', () => {
    const { open, busy } = db.usage
    return [
      [{ db_client_connection_state: 'used' }, busy],
      [{ db_client_connection_state: 'idle' }, open - busy],
    ]
  })
  metrics.gauge('db_client_connection_max', 'Maximum number of database sessions.', () => db.usage.most)
  metrics.gauge(
    'db_client_connection_pending_requests',
    'Statements that wait for a session.',
    () => db.usage.waiting,
  )
}

export interface Counted {
  readonly name: string
  readonly refused: number
}

/** @param shared whether Redis is available; absent without REDIS_URL */
export function watchLimits(
  metrics: Metrics,
  limits: readonly Counted[],
  shared: (() => boolean) | undefined,
): void {
  metrics.counter('duly_rate_limited_total', 'Requests rejected with 429, by limit.', () =>
    limits.map(({ name, refused }) => [{ by: name }, refused]),
  )
  if (shared) {
    metrics.gauge(
      'duly_rate_limit_shared',
      'Whether rate limits are shared between replicas (REDIS_URL): 1 or 0.',
      () => (shared() ? 1 : 0),
    )
  }
}

export function watchRevocations(
  metrics: Metrics,
  revocations: { readonly size: number; readonly revision: number; readonly age: number },
): void {
  metrics.gauge('duly_revocations', 'Revoked sessions, users and tokens.', () => revocations.size)
  metrics.gauge(
    'duly_revocations_revision',
    'Number of the latest revocation; equal on all replicas that are up to date.',
    () => revocations.revision,
  )
  metrics.gauge(
    'duly_revocations_age_seconds',
    'Seconds since this replica read the revocations. No request is answered on data older than one second.',
    () => revocations.age,
  )
}

interface Door {
  readonly admission: { readonly inside: number; readonly room: number; readonly refusedInAll: number }
  readonly connections: { readonly open: number; readonly cut: number; readonly unread: number }
  readonly streams: { readonly open: number }
}

export function watchLoad(metrics: Metrics, { admission, connections, streams }: Door): void {
  metrics.gauge('http_server_active_requests', 'Requests whose handler is running.', () => admission.inside)
  metrics.gauge('duly_requests_room', 'Maximum number of concurrent handlers.', () => admission.room)
  metrics.counter(
    'duly_requests_rejected_total',
    'Requests rejected with 503 because the server was overloaded.',
    () => admission.refusedInAll,
  )
  metrics.gauge('duly_connections', 'Open client connections.', () => connections.open)
  metrics.gauge(
    'duly_unread_bytes',
    'Bytes of responses that clients have not read yet.',
    () => connections.unread,
  )
  metrics.counter(
    'duly_connections_cut_total',
    'Connections closed because their clients did not read, or to make room for others.',
    () => connections.cut,
  )
  metrics.gauge('duly_streams', 'Responses that are being streamed.', () => streams.open)
}

export function watchBackground(
  metrics: Metrics,
  background: { readonly outcomes: readonly { name: string; done: number; failed: number }[] },
): void {
  metrics.counter('duly_background_total', 'Runs of background work, by name and outcome.', () =>
    background.outcomes.flatMap(({ name, done, failed }) => [
      [{ work: name, outcome: 'done' }, done] as const,
      [{ work: name, outcome: 'failed' }, failed] as const,
    ]),
  )
}

interface Jobs {
  readonly counts: ReadonlyMap<
    string,
    { readonly done: number; readonly failed: number; readonly dead: number }
  >
  readonly state: { readonly waiting: number; readonly oldest: number; readonly dead: number }
}

export function watchJobs(metrics: Metrics, jobs: Jobs): void {
  metrics.counter('duly_jobs_total', 'Runs of background jobs, by kind and outcome.', () =>
    [...jobs.counts].flatMap(([kind, { done, failed, dead }]) => [
      [{ kind, outcome: 'done' }, done] as const,
      [{ kind, outcome: 'failed' }, failed] as const,
      [{ kind, outcome: 'dead' }, dead] as const,
    ]),
  )
  metrics.gauge('duly_jobs_waiting', 'Jobs that are due and not running.', () => jobs.state.waiting)
  metrics.gauge(
    'duly_jobs_oldest_seconds',
    'Seconds since the oldest waiting job became due.',
    () => jobs.state.oldest,
  )
  metrics.gauge('duly_jobs_dead', 'Jobs that failed too often and are not retried.', () => jobs.state.dead)
}
