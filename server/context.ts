import type { Accounts } from './accounts/accounts.ts'
import type { Tokens } from './auth/tokens.ts'
import type { Config } from './config/config.ts'
import type { Database } from './db/database.ts'
import type { SchemaState } from './db/migration-status.ts'
import type { Hints } from './hints.ts'
import type { Streams } from './http/streams.ts'
import type { Limits } from './limits/rate-limit.ts'
import type { Log } from './log.ts'
import type { Sync } from './sync/sync.ts'
import type { Webhooks } from './sync/webhooks/service.ts'
import type { Quota } from './tasks/storage.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import type { AppFiles } from './web/app-files.ts'

/** The dependencies of the routes. */
export interface Context {
  readonly config: Pick<
    Config,
    | 'contract'
    | 'contractOptions'
    | 'corsOrigins'
    | 'github'
    | 'google'
    | 'mailFrom'
    | 'metrics'
    | 'publicUrl'
    | 'signUp'
    | 'smtp'
    | 'trustProxy'
    | 'web'
  >
  readonly db: Database
  readonly quota: Quota
  /** State of the database schema. Concurrent calls share one round trip. */
  readonly schema: () => Promise<SchemaState>
  readonly tokens: Tokens
  /** Absent: accounts are off. */
  readonly accounts: Accounts | undefined
  readonly limits: Limits
  readonly hints: Hints
  readonly log: Log
  readonly telemetry: Telemetry
  readonly lifecycle: Lifecycle
  readonly streams: Streams
  readonly sync: Sync
  /** Absent: there is no secret. */
  readonly webhooks: Webhooks | undefined
  /** Absent: `/` is not the web app. */
  readonly appFiles: AppFiles | undefined
}

/** The state of the process between start and exit. */
interface Lifecycle {
  /** Aborted at shutdown, before connections are closed: streams end, and `/readyz` returns 503. */
  readonly stopping: AbortSignal
}
