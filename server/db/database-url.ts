import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { type Honoured, type Parameter, sortParameters } from './database-parameters.ts'
import { pinnedIn } from './session-settings.ts'

/** Where a PostgreSQL server is and how to speak with it, as the `pg` package takes it. */
export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly database: string | undefined
  readonly user: string | undefined
  readonly password: string
  readonly ssl: ConnectionOptions | false
  /** Whether a remote connection is unencrypted because nothing was said about TLS. */
  readonly plainByDefault: boolean
  /** `direct`: TLS begins without asking whether the server supports it. */
  readonly sslNegotiation: 'postgres' | 'direct'
  readonly enableChannelBinding: boolean
  /** Whether a server that offers no channel binding is refused. */
  readonly requireChannelBinding: boolean
  readonly applicationName: string
  /** Command-line options for the server's session, such as `endpoint=…` or `-c name=value`. */
  readonly options: string
  readonly connectMs: number
  /**
   * A pooler in transaction mode stands between: every statement may meet another session, so no named
   * statements and no session settings.
   */
  readonly transactionPooler: boolean
  /** Why it is taken for a pooler, where nobody has said so. */
  readonly poolerBecause: string | undefined
  /** Host and database for people: never the user or the password. */
  readonly label: string
}

/** As `label`, with the port: for messages. */
export function placeOf({ host, port, database }: PostgresAddress): string {
  const server = host.startsWith('/') ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`
  return database ? `${server}/${database}` : server
}

type Parsed = { address: PostgresAddress } | { problem: string }
type Env = Readonly<Record<string, string | undefined>>

/** What is wrong with the URL, as a sentence for the person who wrote it. */
class Problem extends Error {}

const form = 'give it as postgres://user:password@host:5432/database.'
const unreadable = 'it cannot be read as a URL.'
const reserved =
  'write special characters of the user and the password percent-encoded: # as %23, / as %2F, ? as %3F, @ as %40, % as %25.'
const tlsModes = ['disable', 'require', 'no-verify', 'verify-ca', 'verify-full'] as const
type TlsMode = (typeof tlsModes)[number]
const defaultConnectMs = 5000

/**
 * Reads a `postgres://` URL. `sslmode` means what libpq says it means (PostgreSQL manual, 32.19): `require` encrypts without
 * looking at the certificate, `verify-full` checks chain and name. A URL that also asks for `channel_binding=require`, as
 * Neon prints it, wants the server to be who it says: that checks the certificate too. What the URL does not say is taken from
 * libpq's environment variables. A parameter is honoured, or refused by name.
 * @param transactionPooler whether the operator says that one stands between
 */
export function parseDatabaseUrl(text: string, transactionPooler: boolean, env: Env = {}): Parsed {
  try {
    return { address: addressOf(text, transactionPooler, env) }
  } catch (error) {
    if (error instanceof Problem) return { problem: error.message }
    throw error
  }
}

function addressOf(text: string, poolerIsSet: boolean, env: Env): PostgresAddress {
  const { userInfo, server, path, pairs } = partsOf(text)
  const { given, problems } = sortParameters(pairs, env)
  if (problems.length > 0) throw new Problem(problems.join(' '))
  const inUrl = new Set(pairs.map(([name]) => name))
  const value = (name: Honoured) => given.get(name)?.value
  /** The URL's parameter, else the URL's own part, else the environment. */
  const either = (name: Honoured, part: string | undefined) =>
    inUrl.has(name) ? value(name) : part || value(name)

  const [user = '', ...password] = userInfo.split(':')
  const named = decode(user, reserved)
  const place = serverOf(server)
  const host = either('host', place.host) || 'localhost'
  if (host.includes(',')) throw new Problem(severalHosts)
  const isSocket = host.startsWith('/')
  if (inUrl.has('host') && !isSocket && !['', 'localhost', host].includes(place.host)) {
    throw new Problem('name one host: there is one before the path, and another as the parameter host.')
  }
  const port = Number(either('port', place.port) ?? 5432)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Problem('the port in it is no port.')
  const fromPath = decode(path, unreadable)
  const database = either('dbname', fromPath)
  if (fromPath && database !== fromPath) {
    throw new Problem('name one database: there is one in the path, and another as dbname.')
  }
  const tls = tlsOf(given)
  const isPooler = isOn(given, 'pgbouncer')
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

/** Cut where the first of `/`, `?` and `#` stands, as every parser of URLs does: so a password must not hold them as they are. */
function partsOf(text: string) {
  const driver = /^(postgres(?:ql)?)\+\w+:\/\//.exec(text)
  if (driver)
    throw new Problem(`begin it with ${driver[1]}://: the name of a driver does not belong into it.`)
  const [, authority, path = '', query = '', fragment] =
    /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/s.exec(text) ?? []
  if (authority === undefined) throw new Problem(form)
  const at = authority.lastIndexOf('@')
  const pieces = query.split('&').filter(piece => piece !== '')
  const mayHold = /^(user|password|options|application_name|fallback_application_name)=/
  const isCut = at < 0 && pieces.some(piece => piece.includes('@') && !mayHold.test(piece))
  if (fragment !== undefined || path.includes('@') || isCut) throw new Problem(reserved)
  return {
    userInfo: authority.slice(0, Math.max(0, at)),
    server: authority.slice(at + 1),
    path,
    pairs: pieces.map(piece => {
      const [name = '', ...value] = piece.split('=')
      return [decode(name, unreadable), decode(value.join('='), unreadable)] as const
    }),
  }
}

const severalHosts =
  'name one host: Duly connects to one server. Name the primary, or an address that always leads to it.'

function serverOf(server: string): { host: string; port: string | undefined } {
  if (server.includes(',')) throw new Problem(severalHosts)
  const [whole, v6, name = '', port] =
    /^(?:\[([\da-f:.%]+)\]|([^\s:[\]"<>\\^`{|}]*))(?::(\d*))?$/i.exec(server) ?? []
  if (whole === undefined || Number(port ?? 1) > 65_535) throw new Problem(form)
  return { host: v6 ?? decode(name, unreadable), port: port || undefined }
}

/** A per cent sign that begins no code stands for itself. */
function decode(text: string, problem: string): string {
  try {
    return decodeURIComponent(text.replace(/%(?![\da-f]{2})/gi, '%25'))
  } catch {
    throw new Problem(problem)
  }
}

type Given = ReadonlyMap<Honoured, Parameter>

function isOn(given: Given, name: Honoured): boolean | undefined {
  const parameter = given.get(name)
  if (!parameter) return undefined
  if (/^(true|1|on|yes)$/i.test(parameter.value)) return true
  if (/^(false|0|off|no)$/i.test(parameter.value)) return false
  throw new Problem(`${parameter.written} in it must be true or false.`)
}

function connectMsOf(given: Given): number {
  const parameter = given.get('connect_timeout')
  if (!parameter) return defaultConnectMs
  if (/^[1-9]\d{0,2}$/.test(parameter.value)) return Number(parameter.value) * 1000
  throw new Problem(`${parameter.written} in it must be a number of seconds from 1 to 999.`)
}

function optionsOf(given: Given): string {
  const parameter = given.get('options')
  const pinned = parameter && pinnedIn(parameter.value)
  if (pinned)
    throw new Problem(`${parameter.written}: remove ${pinned} from it: Duly sets it on every connection.`)
  return parameter?.value ?? ''
}

function isLocal(host: string): boolean {
  return /^(\/|@|localhost\.?$|.*\.localhost\.?$|127\.|::1$|::ffff:127\.)/i.test(host)
}

function poolerAt(host: string, port: number): string | undefined {
  if (/-pooler\./.test(host)) return 'its host is that of a pooler of Neon'
  if (/\.supabase\.(co|com)$/.test(host) && port === 6543)
    return 'port 6543 is the transaction pooler of Supabase'
  if (/\.proxy-[\w-]+\.[\w-]+\.rds\.amazonaws\.com(\.cn)?$/.test(host))
    return 'its host is that of an RDS Proxy'
  if (/\.ondigitalocean\.com$/.test(host) && port === 25_061) return 'port 25061 is a pool of DigitalOcean'
  return port === 6432 ? 'port 6432 is usually PgBouncer' : undefined
}

type Tls = Pick<PostgresAddress, 'ssl' | 'sslNegotiation' | 'enableChannelBinding' | 'requireChannelBinding'>

function tlsOf(given: Given): Tls {
  const binding = given.get('channel_binding')?.value ?? 'prefer'
  if (!['disable', 'prefer', 'require'].includes(binding)) {
    throw new Problem('channel_binding in it must be one of disable, prefer, require.')
  }
  const isBound = binding === 'require'
  const root = given.get('sslrootcert')?.value
  const mode = modeOf(given, isBound, root)
  const negotiation = given.get('sslnegotiation')?.value ?? 'postgres'
  if (negotiation !== 'postgres' && negotiation !== 'direct') {
    throw new Problem('sslnegotiation in it must be postgres or direct.')
  }
  if (mode === 'disable' && (isBound || negotiation === 'direct')) {
    throw new Problem(
      `${isBound ? 'channel_binding=require' : 'sslnegotiation=direct'} in it needs sslmode=require.`,
    )
  }
  const version = given.get('ssl_min_protocol_version')?.value
  if (version !== undefined && !/^TLSv1(\.[123])?$/.test(version)) {
    throw new Problem('ssl_min_protocol_version in it must be TLSv1.2 or TLSv1.3.')
  }
  const ssl = tlsOptions(mode, rootsIn(root), isBound)
  return {
    // Node's own minimum is TLS 1.2.
    ssl: ssl && version === 'TLSv1.3' ? { ...ssl, minVersion: version } : ssl,
    sslNegotiation: negotiation,
    enableChannelBinding: binding !== 'disable' && mode !== 'disable',
    requireChannelBinding: isBound,
  }
}

function modeOf(given: Given, isBound: boolean, root: string | undefined): TlsMode {
  const asked = given.get('sslmode')?.value
  const ssl = sslOf(given)
  if (asked !== undefined && !isTlsMode(asked)) {
    throw new Problem(`sslmode in it must be one of ${tlsModes.join(', ')}.`)
  }
  const agree = ssl === undefined || ssl === asked || (ssl === 'require' && asked !== 'disable')
  if (asked !== undefined && !agree)
    throw new Problem('ssl and sslmode in it contradict each other: remove ssl.')
  // A root certificate is there to be checked with.
  const mode =
    asked ??
    (root === undefined || ssl === 'disable' ? ssl : 'verify-full') ??
    (isBound ? 'require' : 'disable')
  if (root === 'system' && mode !== 'verify-full') {
    throw new Problem('sslrootcert=system in it needs sslmode=verify-full.')
  }
  return mode
}

/** node-postgres and JDBC write `ssl=true`, for which libpq says `sslmode=require`; asyncpg writes the modes. */
function sslOf(given: Given): TlsMode | undefined {
  const asked = given.get('ssl')?.value
  if (asked === undefined) return undefined
  if (isTlsMode(asked)) return asked
  if (!/^(true|1|on|yes|false|0|off|no)$/i.test(asked)) {
    throw new Problem('ssl in it must be true or false; sslmode says more.')
  }
  return isOn(given, 'ssl') ? 'require' : 'disable'
}

function isTlsMode(mode: string): mode is TlsMode {
  return tlsModes.some(known => known === mode)
}

function rootsIn(file: string | undefined): string | undefined {
  if (file === undefined || file === 'system') return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new Problem('the file that sslrootcert in it names cannot be read.')
  }
}

function tlsOptions(mode: TlsMode, ca: string | undefined, bound: boolean): ConnectionOptions | false {
  const root = ca === undefined ? {} : { ca }
  if (mode === 'disable') return false
  if (mode === 'verify-full' || (mode === 'require' && bound)) return { rejectUnauthorized: true, ...root }
  // With a root certificate at hand libpq treats `require` as `verify-ca`: the chain must hold, the name may differ.
  if (mode === 'verify-ca' || (mode === 'require' && ca !== undefined)) {
    return { rejectUnauthorized: true, checkServerIdentity: () => undefined, ...root }
  }
  return { rejectUnauthorized: false }
}
