import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { quote } from '../quote.ts'
import { requireRegularFile } from '../regular-file.ts'
import { reasonOf } from '../system-error.ts'
import { booleanOf, type Given, UrlProblem } from './given-parameters.ts'

const tlsModes = ['disable', 'require', 'no-verify', 'verify-ca', 'verify-full'] as const
type TlsMode = (typeof tlsModes)[number]

export interface TlsSettings {
  readonly ssl: ConnectionOptions | false
  /** `direct`: TLS starts without asking the server first. */
  readonly sslNegotiation: 'postgres' | 'direct'
  readonly enableChannelBinding: boolean
  /** Whether a server that offers no channel binding is rejected. */
  readonly requireChannelBinding: boolean
}

export function tlsOf(given: Given): TlsSettings {
  const binding = given.get('channel_binding')?.value ?? 'prefer'
  if (!['disable', 'prefer', 'require'].includes(binding)) {
    throw new UrlProblem(`channel_binding=${quote(binding)} in it must be one of disable, prefer, require.`)
  }
  const isBound = binding === 'require'
  const root = given.get('sslrootcert')?.value
  const mode = modeOf(given, isBound, root)
  const negotiation = given.get('sslnegotiation')?.value ?? 'postgres'
  if (negotiation !== 'postgres' && negotiation !== 'direct') {
    throw new UrlProblem(`sslnegotiation=${quote(negotiation)} in it must be postgres or direct.`)
  }
  if (mode === 'disable' && (isBound || negotiation === 'direct')) {
    throw new UrlProblem(
      `${isBound ? 'channel_binding=require' : 'sslnegotiation=direct'} in it needs sslmode=require.`,
    )
  }
  const version = given.get('ssl_min_protocol_version')?.value
  if (version !== undefined && !/^TLSv1(\.[123])?$/.test(version)) {
    throw new UrlProblem(`ssl_min_protocol_version=${quote(version)} in it must be TLSv1.2 or TLSv1.3.`)
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
    throw new UrlProblem(`sslmode=${quote(asked)} in it must be one of ${tlsModes.join(', ')}.`)
  }
  const agree = ssl === undefined || ssl === asked || (ssl === 'require' && asked !== 'disable')
  if (asked !== undefined && !agree)
    throw new UrlProblem('ssl and sslmode in it contradict each other: remove ssl.')
  // A root certificate without a mode asks for verification.
  const mode =
    asked ??
    (root === undefined || ssl === 'disable' ? ssl : 'verify-full') ??
    (isBound ? 'require' : 'disable')
  if (root === 'system' && mode !== 'verify-full') {
    throw new UrlProblem('sslrootcert=system in it needs sslmode=verify-full.')
  }
  return mode
}

/** `ssl=true` of node-postgres and JDBC means `sslmode=require`. asyncpg writes the mode here. */
function sslOf(given: Given): TlsMode | undefined {
  const asked = given.get('ssl')?.value
  if (asked === undefined) return undefined
  if (isTlsMode(asked)) return asked
  if (!/^(true|1|on|yes|false|0|off|no)$/i.test(asked)) {
    throw new UrlProblem(`ssl=${quote(asked)} in it must be true or false. Use sslmode for other modes.`)
  }
  return booleanOf(given, 'ssl') ? 'require' : 'disable'
}

function isTlsMode(mode: string): mode is TlsMode {
  return tlsModes.some(known => known === mode)
}

function rootsIn(file: string | undefined): string | undefined {
  if (file === undefined || file === 'system') return undefined
  try {
    requireRegularFile(file)
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = reasonOf(error)
    throw new UrlProblem(
      `the file sslrootcert=${quote(file)} in it cannot be read${reason === undefined ? '' : `: ${reason}`}.`,
    )
  }
}

function tlsOptions(mode: TlsMode, ca: string | undefined, bound: boolean): ConnectionOptions | false {
  const root = ca === undefined ? {} : { ca }
  if (mode === 'disable') return false
  if (mode === 'verify-full' || (mode === 'require' && bound)) return { rejectUnauthorized: true, ...root }
  // With a root certificate libpq treats `require` as `verify-ca`: only the chain is checked.
  if (mode === 'verify-ca' || (mode === 'require' && ca !== undefined)) {
    return { rejectUnauthorized: true, checkServerIdentity: () => undefined, ...root }
  }
  return { rejectUnauthorized: false }
}
