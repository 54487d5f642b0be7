import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { parse } from 'pg-connection-string'

/** Where a PostgreSQL server is and how to speak with it, as the `pg` package takes it. */
export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly database: string | undefined
  readonly user: string | undefined
  readonly password: string
  readonly ssl: ConnectionOptions | false
  readonly enableChannelBinding: boolean
  /**
   * A pooler in transaction mode stands between: every statement may meet another session, so no named
   * statements and no session settings.
   */
  readonly transactionPooler: boolean
  /** Host and database for people: never the user or the password. */
  readonly label: string
}

const tlsModes = ['disable', 'require', 'no-verify', 'verify-ca', 'verify-full'] as const
type TlsMode = (typeof tlsModes)[number]

/**
 * Reads a `postgres://` URL. `sslmode` means what libpq says it means (PostgreSQL manual, 32.19): `require` encrypts without
 * looking at the certificate, `verify-full` checks chain and name. A URL that also asks for `channel_binding=require`, as
 * Neon prints it, wants the server to be who it says: that checks the certificate too.
 */
export function parseDatabaseUrl(
  text: string,
  transactionPooler: boolean,
): { address: PostgresAddress } | { problem: string } {
  // A socket's URL may have a user and no host, which is no URL to WHATWG's parser.
  const whole = text.replace(/^(\w+:\/\/[^/@]*@)(?=[/?]|$)/, '$1localhost')
  const url = /^postgres(ql)?:\/\//.test(whole) && URL.canParse(whole) ? new URL(whole) : undefined
  if (!url) return { problem: 'give it as postgres://user:password@host:5432/database.' }
  if (url.pathname.includes('@')) {
    return { problem: 'write special characters of the password percent-encoded, such as %2F for a slash.' }
  }
  const ask = (name: string) => url.searchParams.get(name)
  if (ask('sslcert') !== null || ask('sslkey') !== null) {
    return { problem: 'sslcert and sslkey in it are not supported; sign in with a password.' }
  }
  const bound = ask('channel_binding') === 'require'
  const rootCert = ask('sslrootcert')
  const systemRoots = rootCert === 'system'
  const mode =
    ask('sslmode') ?? (systemRoots ? 'verify-full' : bound || ask('ssl') === 'true' ? 'require' : 'disable')
  if (!isTlsMode(mode)) return { problem: `sslmode in it must be one of ${tlsModes.join(', ')}.` }
  if (systemRoots && mode !== 'verify-full')
    return { problem: 'sslrootcert=system in it needs sslmode=verify-full.' }
  const enableChannelBinding = ask('channel_binding') !== 'disable' && mode !== 'disable'
  const pooledByUrl = ask('pgbouncer') === 'true' || /-pooler\./.test(url.hostname)
  for (const name of ['sslmode', 'ssl', 'sslrootcert', 'channel_binding', 'pgbouncer'])
    url.searchParams.delete(name)

  let ca: string | undefined
  try {
    ca = rootCert && !systemRoots ? readFileSync(rootCert, 'utf8') : undefined
  } catch {
    return { problem: 'the file that sslrootcert in it names cannot be read.' }
  }
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(url.toString())
  } catch {
    return { problem: 'it cannot be read as a URL.' }
  }
  const host = parsed.host || 'localhost'
  const port = parsed.port ? Number(parsed.port) : 5432
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return { problem: 'the port in it is no port.' }
  return {
    address: {
      host,
      port,
      database: parsed.database ?? undefined,
      user: parsed.user,
      password: parsed.password ?? '',
      ssl: tlsOptions(mode, ca, bound),
      enableChannelBinding,
      transactionPooler: transactionPooler || pooledByUrl,
      label: parsed.database ? `${host}/${parsed.database}` : host,
    },
  }
}

function isTlsMode(mode: string): mode is TlsMode {
  return tlsModes.some(known => known === mode)
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
