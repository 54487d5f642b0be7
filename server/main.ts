import { type Accounts, openAccounts } from './accounts/accounts.ts'
import { AccessTokenVerifier } from './auth/access-token-verifier.ts'
import { OwnKeys } from './auth/own-keys.ts'
import { RemoteKeys } from './auth/remote-keys.ts'
import { Revocations } from './auth/revocations.ts'
import { acceptedSecrets, currentSecret } from './auth/secret.ts'
import { sessionExists } from './auth/sessions.ts'
import { Tickets } from './auth/tickets.ts'
import { Tokens } from './auth/tokens.ts'
import { Background } from './background.ts'
import type { Config } from './config/config.ts'
import { connect } from './db/connect.ts'
import type { Database } from './db/database.ts'
import { migrateUp } from './db/migrate.ts'
import { type SchemaState, schemaState } from './db/migration-status.ts'
import { exit, StartError } from './errors.ts'
import { Hints } from './hints.ts'
import { Streams } from './http/streams.ts'
import { rateLimits } from './limits/rate-limit.ts'
import { SharedBuckets } from './limits/shared-buckets.ts'
import { cannotListen, closeApp, listen, portOf, requirePorts } from './listen.ts'
import type { Log } from './log.ts'
import { removeAbandoned } from './operator/snapshot.ts'
import { reencryptWebhooks } from './sync/webhooks/reencrypt.ts'
import type { Webhooks } from './sync/webhooks/service.ts'
import { Storage } from './tasks/storage.ts'
import { openMetricsPort } from './telemetry/metrics-port.ts'
import { openTelemetry } from './telemetry/telemetry.ts'
import { watchServer } from './telemetry/watched.ts'
import { version } from './version.ts'
import { readAppFiles } from './web/app-files.ts'

export interface Server {
  /** URL at which the server listens. */
  readonly url: string
  readonly databaseLabel: string
  readonly db: Database
  /** Whether this start created the embedded database. */
  readonly firstStart: boolean
  /** The secret of HMAC tokens, if there is one. */
  readonly secret: string | undefined
  /** From now on `/readyz` returns 503, and responses close their connection. */
  announceStop(): void
  /** Waits a few seconds for requests in progress, then closes everything in reverse order. */
  close(): Promise<void>
}

/** Opens the database, migrates it, and listens. If a step fails, closes what was opened. */
export async function startServer(config: Config, log: Log): Promise<Server> {
  for (const note of config.notes) log.warn(note)
  refuseNoTokens(config)
  await requirePorts(config)
  const telemetry = await openTelemetry(config, log)
  // The routes load while the database opens. A failure is reported at `await loading`.
  const loading = import('./app.ts')
  loading.catch(() => {})
  const { db, created } = await starting(connect(config, log, telemetry.onStatement, true))
  const closers: (() => Promise<void>)[] = [() => telemetry.close(), () => db.close()]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const { createApp } = await loading
    const secret = currentSecret(config)
    const secrets = acceptedSecrets(config)
    const stop = new AbortController()
    // `tokens` and `background` need the revocations, which call them only when requests arrive.
    const revocations = new Revocations({
      db,
      onKeys: () => tokens.forget(),
      onLook: () => background.nudge(),
      onFailure: error => log.error({ err: error }, 'cannot read the revocations; retrying'),
    })
    const streams = new Streams(db.usage.most)
    const background = new Background({
      config,
      db,
      log,
      secrets,
      revocations,
      streams,
      stopping: stop.signal,
    })
    const { sync, webhooks } = background
    const accessTokens = new AccessTokenVerifier(db, log)
    closers.push(() => accessTokens.flush())
    const tokens: Tokens = openTokens({ config, db, log, secrets, revocations, accessTokens })
    const publicUrl = () => config.publicUrl ?? new URL(`http://localhost:${portOf(app) ?? config.port}`)
    const accounts = openAccounts({ config, db, log, secrets, publicUrl })
    if (accounts) closers.push(() => accounts.close())
    const shared = config.redis === undefined ? undefined : await SharedBuckets.open(config.redis, log)
    if (shared) closers.push(() => shared.close())
    const limits = rateLimits(config, shared, log)
    const { metrics } = telemetry
    if (metrics) {
      watchServer(metrics, {
        facts: { version, contract: config.contract, database: config.postgres ? 'postgres' : 'embedded' },
        db,
        limits: [limits.user, limits.address].filter(limit => limit !== undefined),
        shared: shared && (() => shared.isThere),
        revocations,
        jobs: background.jobs,
        webhooks,
      })
    }
    const quota = new Storage(db, config, log)
    const migrating = starting(migrateUp(db))
    migrating.catch(() => {})
    const app = await createApp({
      config,
      db,
      quota,
      schema: schemaOf(db),
      tokens,
      accounts,
      limits,
      hints: new Hints(log),
      log,
      lifecycle: { stopping: stop.signal },
      telemetry,
      streams,
      sync,
      webhooks,
      appFiles: config.web && accounts ? readAppFiles() : undefined,
    })
    closers.push(() => closeApp(app, log))
    const migrated = await migrating
    if (migrated.length > 0) log.info({ migrations: migrated }, 'migrated the database')
    closers.push(() => background.stop())
    await background.start()
    const { port, token } = config.metrics ?? {}
    if (metrics && port !== undefined) {
      const { host } = config
      const open = await openMetricsPort(metrics, { host, port, token }, log).catch(error => {
        throw cannotListen({ host, port, setting: 'METRICS_PORT' }, error)
      })
      closers.push(() => open.close())
    }
    if (!config.postgres) {
      removeAbandoned(config.dataDir)
      const { serveCommands } = await import('./operator/control.ts')
      const control = await serveCommands(
        { db, accounts, secrets, dataDir: config.dataDir, look: () => webhooks?.look() },
        log,
      )
      closers.push(() => control.stop())
    }
    // The last step: as soon as the log says "listening", the server can be stopped in order.
    const url = await listen(app, config, db.label)
    const announceStop = () => stop.abort()
    closers.push(async () => announceStop())
    if (accounts && config.smtp === undefined)
      log.info('SMTP_URL is not set: links are written to this log instead of being emailed')
    if (secrets.length > 1) closers.push(reencryptSecrets(db, accounts, webhooks, log))
    return { url, databaseLabel: db.label, db, firstStart: created, secret, announceStop, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface TokenOptions {
  readonly config: Config
  readonly db: Database
  readonly log: Log
  readonly secrets: readonly string[]
  readonly revocations: Revocations
  readonly accessTokens: AccessTokenVerifier
}

function openTokens({ config, db, log, secrets, revocations, accessTokens }: TokenOptions): Tokens {
  return new Tokens({
    algorithms: config.algorithms,
    secrets,
    rules: config.rules,
    userClaim: config.userClaim,
    clockSkew: config.clockSkew,
    remoteIssuers: config.remoteIssuers.map(({ url, rules }) => ({
      keys: new RemoteKeys({ url, log }),
      rules,
    })),
    ownKeys: config.accounts ? new OwnKeys(db) : undefined,
    sessionExists: id => sessionExists(db, id),
    accessTokens,
    tickets: new Tickets(db),
    revocations,
  })
}

/** Personal access tokens do not count: creating one takes another kind of token. */
function refuseNoTokens({ secret, postgres, remoteIssuers }: Config): void {
  if (!postgres || secret !== undefined || remoteIssuers.length > 0) return
  throw new StartError(
    'Cannot start: no token can be accepted, so every request would return 401. Set BETTER_AUTH_SECRET to enable accounts (at least 32 characters; generate it with `openssl rand -base64 32`), or JWKS_URL to accept tokens of another issuer.',
    exit.config,
  )
}

async function starting<T>(step: Promise<T>): Promise<T> {
  return step.catch(error => {
    if (!(error instanceof StartError)) throw error
    throw new StartError(`Cannot start: ${error.message}`, error.exitCode, { cause: error.cause })
  })
}

/** Concurrent calls share one round trip. */
function schemaOf(db: Database): () => Promise<SchemaState> {
  let asking: Promise<SchemaState> | undefined
  return () => {
    asking ??= schemaState(db).finally(() => {
      asking = undefined
    })
    return asking
  }
}

/**
 * Re-encrypts what the old secret encrypted, in the background.
 * @returns a function that waits for the end
 */
function reencryptSecrets(
  db: Database,
  accounts: Accounts | undefined,
  webhooks: Webhooks | undefined,
  log: Log,
): () => Promise<void> {
  const reencrypt = async () =>
    ((await (await accounts?.issuer())?.reencrypt()) ?? 0) +
    (webhooks ? await reencryptWebhooks(db, webhooks.cipher) : 0)
  const done = reencrypt().then(
    count => log.info({ count }, 'all stored secrets are encrypted with BETTER_AUTH_SECRET'),
    error => log.error({ err: error }, 'cannot encrypt all stored secrets with BETTER_AUTH_SECRET'),
  )
  return () => done
}
