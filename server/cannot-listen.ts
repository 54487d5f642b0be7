import { isIPv6 } from 'node:net'
import { exit, StartError } from './errors.ts'
import { codeOf, explain } from './system-error.ts'

interface Wanted {
  readonly host: string
  readonly port: number
  /** The setting that contains the port. */
  readonly setting: 'PORT' | 'METRICS_PORT'
}

/**
 * Explains why the port cannot be used, with the setting to change. Returns any other error
 * unchanged.
 */
export function cannotListen({ host, port, setting }: Wanted, error: unknown): unknown {
  const otherHost = 'Set HOST to an address of this machine, for example 127.0.0.1, or 0.0.0.0 for all.'
  const fixes: Readonly<Record<string, string>> = {
    EADDRINUSE: `Stop the program that uses it, or set ${setting} to a free port.`,
    EACCES: `Ports below 1024 need privileges; set ${setting}, for example ${setting === 'PORT' ? 8000 : 9100}.`,
    EADDRNOTAVAIL: otherHost,
    EAFNOSUPPORT: otherHost,
    EINVAL: otherHost,
    ENOTFOUND: otherHost,
    EAI_AGAIN: otherHost,
  }
  const code = codeOf(error) ?? ''
  const place = isIPv6(host) ? `[${host}]` : host
  const explained = explain(error, `Cannot listen on ${place}:${port}`, fixes[code])
  return explained instanceof StartError
    ? new StartError(explained.message, exit.unavailable, { cause: error })
    : error
}
