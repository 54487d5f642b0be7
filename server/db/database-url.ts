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
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')) {
    return { problem: 'give it as postgres://user:password@host:5432/database.' }
  }
  const mode = url.searchParams.get('sslmode') ?? 'disable'
  if (!isTlsMode(mode)) return { problem: `sslmode in it must be one of ${tlsModes.join(', ')}.` }
  const rootCert = url.searchParams.get('sslrootcert')
  const channelBinding = url.searchParams.get('channel_binding')
  const pooledByUrl = url.searchParams.get('pgbouncer') === 'true' || /-pooler\./.test(url.hostname)
  for (const name of ['sslmode', 'sslrootcert', 'channel_binding', 'pgbouncer']) url.searchParams.delete(name)
  try {
    const parsed = parse(url.toString())
    const host = parsed.host || 'localhost'
    const ca = rootCert && rootCert !== 'system' ? readFileSync(rootCert, 'utf8') : undefined
    return {
      address: {
        host,
        port: parsed.port ? Number(parsed.port) : 5432,
        database: parsed.database ?? undefined,
        user: parsed.user,
        password: parsed.password ?? '',
        ssl: tlsOptions(mode, ca, channelBinding === 'require'),
        enableChannelBinding: channelBinding !== 'disable' && mode !== 'disable',
        transactionPooler: transactionPooler || pooledByUrl,
        label: `${host}/${parsed.database ?? parsed.user ?? ''}`,
      },
    }
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return {
      problem: missing
        ? 'the file that sslrootcert in it names cannot be read.'
        : 'it cannot be read as a URL.',
    }
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
