import { quote } from '../quote.ts'
import { type Honoured, sortParameters } from './database-parameters.ts'
import { booleanOf, type Given, UrlProblem } from './given-parameters.ts'
import { pinnedIn } from './session-settings.ts'
import { type TlsSettings, tlsOf } from './tls-parameters.ts'
import { decode, reserved, serverOf, severalHosts, unreadable, urlParts } from './url-parts.ts'

/** The address of a PostgreSQL server, and the options of the `pg` package for it. */
export interface PostgresAddress extends TlsSettings {
  readonly host: string
  readonly port: number
  readonly database: string | undefined
  readonly user: string | undefined
  readonly password: string
  /** Whether a remote connection is unencrypted because the URL does not mention TLS. */
  readonly plainByDefault: boolean
  readonly applicationName: string
  /** Command-line options for the server's session, such as `endpoint=…` or `-c name=value`. */
  readonly options: string
  readonly connectMs: number
  /**
   * Connects through a pooler in transaction mode: each statement can run in another session, so
   * named statements and session settings are not used.
   */
  readonly transactionPooler: boolean
  /** Why it is considered a pooler, if no setting says so. */
  readonly poolerBecause: string | undefined
  /** Host and database, without the user and the password. */
  readonly label: string
}

/** `label` with the port, for messages. */
export function placeOf({ host, port, database }: PostgresAddress): string {
  const server = host.startsWith('/') ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`
  return database ? `${server}/${database}` : server
}

type Parsed = { address: PostgresAddress } | { problem: string }
type Env = Readonly<Record<string, string | undefined>>

const defaultConnectMs = 5000

/**
 * Reads a `postgres://` URL and, for parameters that it leaves out, libpq's environment variables.
 * A parameter that is not supported is a problem. `sslmode` has the meaning of libpq (PostgreSQL
 * manual, 32.19): `require` encrypts without checking the certificate, `verify-full` checks chain
 * and name. `channel_binding=require`, which Neon adds, checks the certificate as well.
 * @param transactionPooler whether DATABASE_POOLER names a pooler in transaction mode
 */
export function parseDatabaseUrl(text: string, transactionPooler: boolean, env: Env = {}): Parsed {
  try {
    return { address: addressOf(text, transactionPooler, env) }
  } catch (error) {
    if (error instanceof UrlProblem) return { problem: error.message }
    throw error
  }
}

function addressOf(text: string, poolerIsSet: boolean, env: Env): PostgresAddress {
  const { userInfo, server, path, pairs } = urlParts(text)
  const { given, problems } = sortParameters(pairs, env)
  if (problems.length > 0) throw new UrlProblem(problems.join(' '))
  const inUrl = new Set(pairs.map(([name]) => name))
  const value = (name: Honoured) => given.get(name)?.value
  /** The parameter of the URL, else the part of the URL, else the environment variable. */
  const either = (name: Honoured, part: string | undefined) =>
    inUrl.has(name) ? value(name) : part || value(name)

  const [user = '', ...password] = userInfo.split(':')
  const named = decode(user, reserved)
  const place = serverOf(server)
  const host = either('host', place.host) || 'localhost'
  if (host.includes(',')) throw new UrlProblem(severalHosts)
  const isSocket = host.startsWith('/')
  if (inUrl.has('host') && !isSocket && !['', 'localhost', host].includes(place.host)) {
    throw new UrlProblem('name one host: there is one before the path, and another as the parameter host.')
  }
  const givenPort = either('port', place.port) ?? '5432'
  const port = Number(givenPort)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new UrlProblem(`the port ${quote(givenPort)} in it must be a number from 1 to 65535, such as 5432.`)
  const fromPath = decode(path, unreadable)
  const database = either('dbname', fromPath)
  if (fromPath && database !== fromPath) {
    throw new UrlProblem('name one database: there is one in the path, and another as dbname.')
  }
  const tls = tlsOf(given)
  const isPooler = booleanOf(given, 'pgbouncer')
  const because = poolerAt(host, port)
  const fallback = value('fallback_application_name') ?? 'duly'
  return {
    host,
    port,
    database: database || undefined,
    user: either('user', named) || undefined,
    password: either('password', decode(password.join(':'), reserved)) ?? '',
    ...tls,
    plainByDefault: tls.ssl === false && !given.has('sslmode') && !given.has('ssl') && !isLocal(host),
    applicationName: value('application_name') ?? fallback,
    options: optionsOf(given),
    connectMs: connectMsOf(given),
    transactionPooler: poolerIsSet || (isPooler ?? because !== undefined),
    poolerBecause: poolerIsSet || isPooler !== undefined ? undefined : because,
    label: database ? `${host}/${database}` : host,
  }
}

function connectMsOf(given: Given): number {
  const parameter = given.get('connect_timeout')
  if (!parameter) return defaultConnectMs
  if (/^[1-9]\d{0,2}$/.test(parameter.value)) return Number(parameter.value) * 1000
  throw new UrlProblem(
    `${parameter.written}=${quote(parameter.value)} in it must be a number of seconds from 1 to 999, such as 5.`,
  )
}

function optionsOf(given: Given): string {
  const parameter = given.get('options')
  const pinned = parameter && pinnedIn(parameter.value)
  if (pinned)
    throw new UrlProblem(`${parameter.written}: remove ${pinned} from it: Duly sets it on every connection.`)
  return parameter?.value ?? ''
}

function isLocal(host: string): boolean {
  return /^(\/|@|localhost\.?$|.*\.localhost\.?$|127\.|::1$|::ffff:127\.)/i.test(host)
}

/** @returns why this address is considered a pooler in transaction mode */
function poolerAt(host: string, port: number): string | undefined {
  if (/-pooler\./.test(host)) return 'its host is that of a pooler of Neon'
  if (/\.supabase\.(co|com)$/.test(host) && port === 6543)
    return 'port 6543 is the transaction pooler of Supabase'
  if (/\.proxy-[\w-]+\.[\w-]+\.rds\.amazonaws\.com(\.cn)?$/.test(host))
    return 'its host is that of an RDS Proxy'
  if (/\.ondigitalocean\.com$/.test(host) && port === 25_061) return 'port 25061 is a pool of DigitalOcean'
  return port === 6432 ? 'port 6432 is usually PgBouncer' : undefined
}
