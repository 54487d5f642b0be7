import type { Database } from '../db/database.ts'
import type { Metrics } from './metrics.ts'

// Metrics that are read from the parts of the server on each scrape.

/** The parts of the server that metrics are read from. */
interface Watched {
  readonly facts: { readonly version: string; readonly contract: string; readonly database: string }
  readonly db: Database
  readonly limits: readonly Counted[]
  /** Whether Redis is available. Absent without REDIS_URL. */
  readonly shared: (() => boolean) | undefined
  readonly revocations: Revocations
  readonly jobs: Jobs
  /** Absent: there are no webhooks. */
  readonly webhooks: Webhooks | undefined
}

/** Adds the metrics of a server, except those of its HTTP side (`watchLoad`). */
export function watchServer(metrics: Metrics, watched: Watched): void {
  metrics.gauge('duly_info', 'Version, contract and kind of database; always 1.', () => [
    [{ ...watched.facts }, 1],
  ])
  watchDatabase(metrics, watched.db)
  watchLimits(metrics, watched)
  watchRevocations(metrics, watched.revocations)
  watchJobs(metrics, watched.jobs)
  if (watched.webhooks) watchWebhooks(metrics, watched.webhooks)
}

function watchDatabase(metrics: Metrics, db: Database): void {
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

interface Counted {
  readonly name: string
  readonly refused: number
}

function watchLimits(metrics: Metrics, { limits, shared }: Watched): void {
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

interface Revocations {
  readonly size: number
  readonly revision: number
  readonly age: number
  readonly failures: number
}

function watchRevocations(metrics: Metrics, revocations: Revocations): void {
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
  metrics.counter(
    'duly_revocations_failures_total',
    'Reads of the revocations in the background that failed.',
    () => revocations.failures,
  )
}

interface Door {
  readonly admission: { readonly inUse: number; readonly slots: number; readonly refusedTotal: number }
  readonly connections: { readonly open: number; readonly cut: number; readonly unread: number }
  readonly streams: { readonly open: number }
  readonly sync: { readonly open: number; onLag(listener: (seconds: number) => void): void }
}

export function watchLoad(metrics: Metrics, { admission, connections, streams, sync }: Door): void {
  metrics.gauge('http_server_active_requests', 'Requests whose handler is running.', () => admission.inUse)
  metrics.gauge('duly_requests_room', 'Maximum number of concurrent handlers.', () => admission.slots)
  metrics.counter(
    'duly_requests_rejected_total',
    'Requests rejected with 503 because the server was overloaded.',
    () => admission.refusedTotal,
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
  metrics.gauge(
    'duly_event_streams',
    'Streams of events, and requests that wait for changes.',
    () => sync.open,
  )
  sync.onLag(
    metrics.histogram(
      'duly_event_lag_seconds',
      'Time from a change to its event on a stream that is up to date.',
    ),
  )
}

interface Jobs {
  readonly counts: ReadonlyMap<
    string,
    { readonly done: number; readonly failed: number; readonly dead: number }
  >
  state(): { readonly waiting: number; readonly oldest: number; readonly dead: number }
}

function watchJobs(metrics: Metrics, jobs: Jobs): void {
  metrics.counter('duly_jobs_total', 'Runs of background jobs, by kind and outcome.', () =>
    [...jobs.counts].flatMap(([kind, { done, failed, dead }]) => [
      [{ kind, outcome: 'done' }, done] as const,
      [{ kind, outcome: 'failed' }, failed] as const,
      [{ kind, outcome: 'dead' }, dead] as const,
    ]),
  )
  metrics.gauge('duly_jobs_waiting', 'Jobs that are due and not running.', () => jobs.state().waiting)
  metrics.gauge(
    'duly_jobs_oldest_seconds',
    'Seconds since the oldest waiting job became due.',
    () => jobs.state().oldest,
  )
  metrics.gauge('duly_jobs_dead', 'Jobs that failed too often and are not retried.', () => jobs.state().dead)
}

interface Webhooks {
  readonly counts: { readonly succeeded: number; readonly failed: number }
  readonly retries: number
  readonly disabled: number
  readonly oldest: number
  onAttempt(listener: (seconds: number) => void): void
}

function watchWebhooks(metrics: Metrics, webhooks: Webhooks): void {
  metrics.counter('duly_webhook_attempts_total', 'Attempts to deliver to webhooks, by outcome.', () => [
    [{ outcome: 'succeeded' }, webhooks.counts.succeeded],
    [{ outcome: 'failed' }, webhooks.counts.failed],
  ])
  metrics.counter(
    'duly_webhook_retries_total',
    'Attempts to deliver to webhooks that repeat a failed one.',
    () => webhooks.retries,
  )
  metrics.counter(
    'duly_webhooks_disabled_total',
    'Webhooks that the server deactivated because their receivers failed.',
    () => webhooks.disabled,
  )
  metrics.gauge(
    'duly_webhook_oldest_seconds',
    'Seconds since the oldest change that an active webhook has not delivered.',
    () => webhooks.oldest,
  )
  webhooks.onAttempt(
    metrics.histogram('duly_webhook_attempt_seconds', 'Time from an attempt to deliver to its response.'),
  )
}
