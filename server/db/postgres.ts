import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { exit, StartError } from '../errors.ts'
import type { Log } from '../log.ts'
import { leaveRowsAsBytes } from './data-row.ts'
import { type Database, type OnStatement, plannerSettings } from './database.ts'
import type { PostgresAddress } from './database-url.ts'
import { receivingSocket } from './receiving-socket.ts'
import { Sessions } from './sessions.ts'

const connectMs = 5000
const statementMs = 10_000
const startupMs = 30_000
/** A connection on which nothing has come for this long is asked whether it still is one: what stands between may forget it. */
const keepAliveMs = 10_000

export interface PostgresOptions {
  readonly address: PostgresAddress
  /** Sessions at most. */
  readonly pool: number
  readonly log: Log
  /** For how long a server that is still coming up is waited for. */
  readonly startupMs?: number
  readonly onStatement?: OnStatement | undefined
}

/**
 * Connects to a PostgreSQL server and waits for one that is still coming up.
 * @throws StartError when it cannot be reached in time, or at once when it refuses the user, the password or the database.
 */
export async function connectPostgres({
  address,
  pool,
  log,
  onStatement,
  ...options
}: PostgresOptions): Promise<Database> {
  const isCitus = await waitForServer(address, log, options.startupMs ?? startupMs)
  // Citus must know the owner to find the shard, which it does where it plans for the values.
  const settings = isCitus ? keepAlives : [keepAlives, ...plannerSettings].join(' -c ')
  return new Sessions({
    label: `PostgreSQL at ${address.label}`,
    open: () => openSession(address, settings),
    max: pool,
    prepare: !address.transactionPooler,
    groupCommits: !isCitus,
    onTrouble: error => log.warn({ err: error }, 'a database session was lost or could not be opened'),
    onStatement,
  })
}

async function openSession(address: PostgresAddress, settings = keepAlives): Promise<pg.Client> {
  const client = leaveRowsAsBytes(
    new pg.Client({
      host: address.host,
      port: address.port,
      ssl: address.ssl,
      // TLS reads the socket by itself.
      ...(address.ssl ? {} : { stream: receivingSocket }),
      enableChannelBinding: address.enableChannelBinding,
      password: address.password,
      ...(address.user === undefined ? {} : { user: address.user }),
      ...(address.database === undefined ? {} : { database: address.database }),
      pipeline: true,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveMs,
      connectionTimeoutMillis: connectMs,
      fallback_application_name: 'duly',
      types: { getTypeParser: () => asText },
      // A pooler refuses start-up parameters that it does not know.
      ...(address.transactionPooler ? {} : { ...bounds, options: settings }),
    }),
  )
  // Errors before the session is handed on are told by connect(); without a listener they would end the process too.
  let broken: Error | undefined
  client.on('error', error => {
    broken ??= error
  })
  await client.connect()
  // A server that ends the session at once may have said so together with its welcome.
  if (broken) throw broken
  // The new owner's listener is added in the same turn in which the promise of this function is used.
  return client
}

const bounds = {
  statement_timeout: statementMs,
  // A transaction whose program is cut off would hold its owner's row against every replica.
  idle_in_transaction_session_timeout: statementMs,
}

// A session whose program is gone without a word is closed after a minute, not after the two hours of the system's default.
const keepAlives = '-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3'

export function asText(value: string): string {
  return value
}

/** @returns whether it is Citus */
async function waitForServer(address: PostgresAddress, log: Log, limit: number): Promise<boolean> {
  const deadline = Date.now() + limit
  for (let attempt = 0; ; attempt += 1) {
    try {
      const client = await openSession(address)
      try {
        const { rowCount } = await client.query(`select from pg_extension where extname = 'citus'`)
        return rowCount !== 0
      } finally {
        await client.end()
      }
    } catch (error) {
      if (refused(error)) {
        throw new StartError(`PostgreSQL at ${address.label} refused: ${text(error)}`, exit.unavailable, {
          cause: error,
        })
      }
      if (Date.now() >= deadline) {
        throw new StartError(
          `PostgreSQL at ${address.label} did not answer within ${limit / 1000} s: ${text(error)}\nCheck DATABASE_URL, and that the server runs and lets this machine in.`,
          exit.unavailable,
          { cause: error },
        )
      }
      const message = `waiting for PostgreSQL at ${address.label}: ${text(error)}`
      if (attempt === 0) log.warn(`${message} (for ${limit / 1000} s at most)`)
      else log.debug(message)
      await pause(Math.min(1000, 100 * 2 ** attempt))
    }
  }
}

// Class 28: authorization; 3D000: no such database; 42501: not permitted; and a certificate that does not hold.
// Waiting changes none of them.
function refused(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(28|3D000|42501)/.test(error.code ?? '')
  return error instanceof Error && 'code' in error && /CERT|UNABLE_TO_VERIFY/.test(String(error.code))
}

function text(error: unknown): string {
  if (error instanceof AggregateError) return text(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}
