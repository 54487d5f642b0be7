import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { exit, StartError } from '../errors.ts'
import type { Log } from '../log.ts'
import { connectionFailure, explain, type Failure } from './connection-failure.ts'
import { leaveRowsAsBytes } from './data-row.ts'
import { type Database, type OnStatement, plannerSettings } from './database.ts'
import { type PostgresAddress, placeOf } from './database-url.ts'
import { receivingSocket } from './receiving-socket.ts'
import { holdServerLock } from './server-lock.ts'
import { asOptions, differing, pins, pinsOf } from './session-settings.ts'
import { Sessions } from './sessions.ts'

const statementMs = 10_000
/** A turn of a scan is planned to take some milliseconds. */
const scanMs = 3000
const startupMs = 30_000
/** A connection on which nothing has come for this long is asked whether it still is one: what stands between may forget it. */
const keepAliveMs = 10_000
const oldest = 140_000

export interface PostgresOptions {
  readonly address: PostgresAddress
  /** Sessions at most. */
  readonly pool: number
  readonly log: Log
  /** Whether a server answers from it, which `migrate down` must not take the tables away from. */
  readonly serves?: boolean
  /** For how long a server that is still coming up is waited for. */
  readonly startupMs?: number
  readonly onStatement?: OnStatement | undefined
}

/**
 * Connects to a PostgreSQL server and waits for one that is still coming up.
 * @throws StartError when it cannot be reached in time, or at once where waiting would not help
 */
export async function connectPostgres({
  address,
  pool,
  log,
  onStatement,
  serves = false,
  ...options
}: PostgresOptions): Promise<Database> {
  const label = `PostgreSQL at ${placeOf(address)}`
  if (address.poolerBecause !== undefined) {
    log.info(
      `${placeOf(address)} is taken for a pooler in transaction mode: ${address.poolerBecause}. If it is none, add pgbouncer=false to DATABASE_URL.`,
    )
  }
  if (serves && address.plainByDefault) {
    log.warn(
      `The connection to ${label} is not encrypted. Add sslmode=verify-full to DATABASE_URL (or sslmode=require, which does not check the certificate). Add sslmode=disable if the network is trusted.`,
    )
  }
  const facts = await waitForServer(address, log, options.startupMs ?? startupMs)
  refuseUnfit(label, address, facts)
  // Citus must know the owner to find the shard, which it does where it plans for the values.
  const plan = facts.isCitus ? [] : plannerSettings
  const settingsWith = (planner: readonly string[]) =>
    [asOptions(pinsOf(facts.version)), ...planner].join(' -c ')
  const onTrouble = (error: Error) =>
    log.warn({ err: error }, 'a database session was lost or could not be opened')
  const scans = new Sessions({
    label,
    open: () => openSession(address, settingsWith(scanSettings), scanMs),
    max: 2,
    prepare: !address.transactionPooler,
    groupCommits: false,
    onTrouble,
    onStatement,
  })
  return new Sessions({
    scans,
    label,
    open: async () => {
      const client = await openSession(address, settingsWith(plan))
      if (!serves || address.transactionPooler) return client
      await holdServerLock(client).catch(async error => {
        await client.end()
        throw error
      })
      return client
    },
    max: pool,
    prepare: !address.transactionPooler,
    groupCommits: !facts.isCitus,
    onTrouble,
    onStatement,
  })
}

async function openSession(
  address: PostgresAddress,
  settings = asOptions(pins),
  timeoutMs = statementMs,
): Promise<pg.Client> {
  const client = leaveRowsAsBytes(
    new pg.Client({
      host: address.host,
      port: address.port,
      ssl: address.ssl,
      ...(address.ssl ? { sslnegotiation: address.sslNegotiation } : {}),
      // TLS reads the socket by itself.
      ...(address.ssl ? {} : { stream: receivingSocket }),
      enableChannelBinding: address.enableChannelBinding,
      password: address.password,
      ...(address.user === undefined ? {} : { user: address.user }),
      ...(address.database === undefined ? {} : { database: address.database }),
      pipeline: true,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveMs,
      connectionTimeoutMillis: address.connectMs,
      application_name: address.applicationName,
      client_encoding: 'UTF8',
      types: { getTypeParser: () => asText },
      // A pooler refuses start-up parameters that it does not know.
      ...(address.transactionPooler
        ? { options: address.options }
        : {
            ...bounds,
            statement_timeout: timeoutMs,
            options: [address.options, keepAlives, settings].filter(Boolean).join(' '),
          }),
    }),
  )
  if (address.transactionPooler) sendPooledSettings(client)
  const binding = address.requireChannelBinding ? watchChannelBinding(client) : undefined
  // Errors before the session is handed on are told by connect(); without a listener they would end the process too.
  let broken: Error | undefined
  client.on('error', error => {
    broken ??= error
  })
  await client.connect()
  // A server that ends the session at once may have said so together with its welcome.
  if (broken) throw broken
  if (binding && !binding.isOffered()) {
    await client.end()
    throw Object.assign(new Error('channel_binding=require, and the server did not offer it'), {
      code: 'ERR_TLS_CHANNEL_BINDING',
    })
  }
  // The new owner's listener is added in the same turn in which the promise of this function is used.
  return client
}

/**
 * Two settings that every pooler takes from a client, since JDBC's driver always sends them: PgBouncer sets them on whichever session
 * it has the client meet.
 */
function sendPooledSettings(client: pg.Client): void {
  // The driver's types leave it out.
  const startup = client as unknown as { getStartupConf(): Record<string, string> }
  const conf = startup.getStartupConf.bind(client)
  const { DateStyle, TimeZone } = Object.fromEntries(pins.map(({ name, value }) => [name, value]))
  startup.getStartupConf = () => ({ ...conf(), ...(DateStyle && TimeZone ? { DateStyle, TimeZone } : {}) })
}

/** libpq refuses a server that does not offer what was required; the driver goes on without it. */
function watchChannelBinding(client: pg.Client): { isOffered(): boolean } {
  let isOffered = false
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
  connection.on('authenticationSASL', ({ mechanisms }: { mechanisms: readonly string[] }) => {
    isOffered = mechanisms.includes('SCRAM-SHA-256-PLUS')
  })
  return { isOffered: () => isOffered }
}

/** Scans are planned for their values, and run in one process each. */
const scanSettings = [
  'plan_cache_mode=force_custom_plan',
  'enable_seqscan=off',
  'enable_bitmapscan=off',
  'max_parallel_workers_per_gather=0',
]

const bounds = {
  // A transaction whose program is cut off would hold its owner's row against every replica.
  idle_in_transaction_session_timeout: statementMs,
}

// A session whose program is gone without a word is closed after a minute, not after the two hours of the system's default.
const keepAlives = '-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3'

export function asText(value: string): string {
  return value
}

interface Facts {
  readonly version: number
  readonly encoding: string
  readonly isCitus: boolean
  readonly role: string
  readonly database: string
  /** Settings of a session as it is opened here. */
  readonly settings: Readonly<Record<string, string>>
}

async function factsOf(client: pg.Client): Promise<Facts> {
  const { rows } = await client.query(
    `select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding,
      exists (select from pg_extension where extname = 'citus') as citus, session_user as role,
      current_database() as database,
      (select json_object_agg(name, setting) from pg_settings where name = any($1::text[])) as settings`,
    [pins.map(({ name }) => name)],
  )
  const [{ version, encoding, citus, role, database, settings }] = rows
  return {
    version: Number(version),
    encoding,
    isCitus: citus === 't',
    role,
    database,
    settings: JSON.parse(settings ?? '{}'),
  }
}

async function waitForServer(address: PostgresAddress, log: Log, limit: number): Promise<Facts> {
  const label = `PostgreSQL at ${placeOf(address)}`
  const deadline = Date.now() + limit
  let told: string | undefined
  let settings = asOptions(pins)
  for (let attempt = 0; ; attempt += 1) {
    try {
      const client = await openSession(address, settings)
      try {
        return await factsOf(client)
      } finally {
        await client.end()
      }
    } catch (error) {
      const failure = explain(error)
      if (isTransactionTimeout(error) && settings === asOptions(pins)) {
        settings = asOptions(pinsOf(170_000))
        continue
      }
      // PgBouncer says 08P01 also while the server behind it is away.
      const passes = failure.passes || (address.transactionPooler && isProtocolViolation(error))
      if (!passes || Date.now() >= deadline) throw connectionFailure(label, error)
      const seconds = Math.ceil((deadline - Date.now()) / 1000)
      if (failure.what !== told)
        tell(log, `waiting for ${label} for ${seconds} s at most: ${sentence(failure)}`)
      told = failure.what
      await pause(Math.min(1000, 100 * 2 ** attempt))
    }
  }
}

const isProtocolViolation = (error: unknown) => error instanceof pg.DatabaseError && error.code === '08P01'
/** Of PostgreSQL 17 and newer, which has a setting for it. */
const isTransactionTimeout = (error: unknown) => error instanceof pg.DatabaseError && error.code === '25P04'
const sentence = ({ what, fix }: Failure) => `${what}. ${fix}`

/** Commands log errors alone; a person who waits is told why. */
function tell(log: Log, message: string): void {
  if (log.isLevelEnabled('warn')) log.warn(message)
  else if (log.isLevelEnabled('error')) process.stderr.write(`${message}\n`)
}

function refuseUnfit(label: string, address: PostgresAddress, facts: Facts): void {
  const { version, encoding, role, database, settings } = facts
  if (version < oldest) {
    const found = Math.floor(version / 10_000)
    throw new StartError(`${label} has version ${found}; Duly needs PostgreSQL 14 or newer.`, exit.config)
  }
  if (encoding !== 'UTF8') {
    throw new StartError(
      `${label} stores text as ${encoding}, which does not have every character. Create a database with create database ${quoted(database)} encoding 'UTF8' template template0, under another name, and set DATABASE_URL to it.`,
      exit.config,
    )
  }
  const wrong = differing(settings, address.transactionPooler)
  if (wrong.length === 0) return
  if (!address.transactionPooler) {
    throw new StartError(
      `${label} does not take the settings of a session (${wrong.map(({ name }) => name).join(', ')}): a pooler stands between. Set DATABASE_POOLER=transaction.`,
      exit.config,
    )
  }
  const statements = wrong.map(
    ({ name, value }) =>
      `  alter role ${quoted(role)} in database ${quoted(database)} set ${quoted(name)} = '${value}';`,
  )
  throw new StartError(
    `${label} has settings with which values are read wrong, and behind a pooler Duly cannot set them. Run these, then have the pooler open new connections (PgBouncer: RECONNECT):\n${statements.join('\n')}`,
    exit.config,
  )
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
