import type { Duplex } from 'node:stream'
import pg from 'pg'
import { leaveRowsAsBytes } from './data-row.ts'
import type { PostgresAddress } from './database-url.ts'
import { asOptions, pins } from './session-settings.ts'

const statementMs = 10_000
/** How long a connection is silent before TCP probes it. */
const keepAliveMs = 10_000

const bounds = {
  // Otherwise the transaction of a lost connection would hold the lock on its owner's row.
  idle_in_transaction_session_timeout: statementMs,
}

// The server closes a session without a client after a minute. The system's default is 2 hours.
const keepAlives = '-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3'

/** Opens and connects one session. Its errors are ignored until the caller adds a listener. */
export async function openSession(
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
      enableChannelBinding: address.enableChannelBinding,
      password: address.password,
      ...(address.user === undefined ? {} : { user: address.user }),
      ...(address.database === undefined ? {} : { database: address.database }),
      pipeline: true,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveMs,
      application_name: address.applicationName,
      client_encoding: 'UTF8',
      types: { getTypeParser: () => asText },
      // A pooler rejects start-up parameters that it does not know.
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
  // connect() rejects with earlier errors. Without a listener they would also end the process.
  let broken: Error | undefined
  client.on('error', error => {
    broken ??= error
  })
  const timer = limitConnecting(client, address.connectMs)
  try {
    await client.connect()
  } finally {
    clearInterval(timer)
  }
  // A server can end the session in the same packet that accepts it.
  if (broken) throw broken
  if (binding && !binding.isOffered()) {
    await client.end()
    throw Object.assign(new Error('channel_binding=require, and the server did not offer it'), {
      code: 'ERR_TLS_CHANNEL_BINDING',
    })
  }
  return client
}

/**
 * Ends a client that does not connect in time. Counts slices of the time instead of its end: while
 * this process is busy, with loading its modules for example, no slice passes, and what the server
 * has sent is read first.
 */
function limitConnecting(client: pg.Client, ms: number): NodeJS.Timeout {
  // The driver's types leave `connection` out.
  const { connection } = client as unknown as { connection: { stream: Duplex } }
  const slices = 20
  let passed = 0
  return setInterval(() => {
    passed += 1
    if (passed === slices) connection.stream.destroy(new Error('timeout expired'))
  }, ms / slices).unref()
}

/**
 * Sends the two settings that every pooler accepts, because JDBC always sends them. PgBouncer sets
 * them on each session that it assigns to the client.
 */
function sendPooledSettings(client: pg.Client): void {
  // The driver's types leave `getStartupConf` out.
  const startup = client as unknown as { getStartupConf(): Record<string, string> }
  const conf = startup.getStartupConf.bind(client)
  const { DateStyle, TimeZone } = Object.fromEntries(pins.map(({ name, value }) => [name, value]))
  startup.getStartupConf = () => ({ ...conf(), ...(DateStyle && TimeZone ? { DateStyle, TimeZone } : {}) })
}

/** Ends sessions without channel binding, as libpq does. The driver would use them. */
function watchChannelBinding(client: pg.Client): { isOffered(): boolean } {
  let isOffered = false
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
  connection.on('authenticationSASL', ({ mechanisms }: { mechanisms: readonly string[] }) => {
    isOffered = mechanisms.includes('SCRAM-SHA-256-PLUS')
  })
  return { isOffered: () => isOffered }
}

export function asText(value: string): string {
  return value
}
