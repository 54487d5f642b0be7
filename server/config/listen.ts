import { isIP } from 'node:net'
import { setting } from './setting.ts'
import { isNetwork, type SettingsReader, splitList } from './settings-reader.ts'

export const listenSettings = [
  setting('HOST', '127.0.0.1', 'Address to listen on; `0.0.0.0` for all interfaces.', ['API_HOST']),
  setting('PORT', '8000', 'Port to listen on.', ['API_PORT']),
  setting(
    'TRUST_PROXY',
    'none',
    'Trusted proxies: a hop count, or a comma-separated list of addresses or CIDR ranges.',
  ),
  setting(
    'SHUTDOWN_GRACE',
    '3',
    'Seconds after SIGTERM during which requests are still served and `/readyz` returns 503.',
  ),
]

export interface ListenConfig {
  readonly host: string
  readonly port: number
  /** A hop count, or addresses and networks. */
  readonly trustProxy: number | readonly string[]
  /** Seconds. */
  readonly shutdownGrace: number
}

export function readListen(reader: SettingsReader): ListenConfig {
  return {
    host: readHost(reader),
    port: reader.integer('PORT', 0, 65_535, 8000),
    trustProxy: readTrustProxy(reader),
    shutdownGrace: reader.integer('SHUTDOWN_GRACE', 0, 300, 3),
  }
}

const hostName = /^(?=.{1,253}$)[a-z\d_]([\w-]*[a-z\d_])?(\.[a-z\d_]([\w-]*[a-z\d_])?)*\.?$/i

function readHost(reader: SettingsReader): string {
  const value = reader.read('HOST') ?? '127.0.0.1'
  const [, bracketed = value] = /^\[(.*)\]$/.exec(value) ?? []
  const [address = ''] = bracketed.split('%')
  if (isIP(address) === 6 || hostName.test(value)) return bracketed
  reader.problem(
    'HOST',
    'must be an address such as 127.0.0.1, ::1 or 0.0.0.0 (all interfaces), or a host name, without a port.',
  )
  return '127.0.0.1'
}

function readTrustProxy(reader: SettingsReader): number | readonly string[] {
  const value = reader.read('TRUST_PROXY') ?? 'none'
  if (value === 'none') return 0
  if (/^\d{1,2}$/.test(value)) return Number(value)
  const networks = splitList(value)
  if (networks.length === 0 || !networks.every(isTrusted)) {
    reader.problem(
      'TRUST_PROXY',
      'must be none, a hop count, or a comma-separated list of addresses or CIDR ranges, such as 10.0.0.0/8.',
      networks.find(entry => !isTrusted(entry)),
    )
  }
  return networks
}

const isTrusted = (text: string) => ['loopback', 'linklocal', 'uniquelocal'].includes(text) || isNetwork(text)
