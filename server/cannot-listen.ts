import { exit, StartError } from './errors.ts'

interface Wanted {
  readonly host: string
  readonly port: number
  /** What names the port. */
  readonly setting: 'PORT' | 'METRICS_PORT'
}

/** The reasons that are for the person who starts the program; any other error as it is. */
export function cannotListen({ host, port, setting }: Wanted, error: unknown): unknown {
  const reasons = new Map<unknown, string>([
    [
      'EADDRINUSE',
      `Another program listens on port ${port} already. Stop that one, or set ${setting} to another.`,
    ],
    ['EACCES', `Port ${port} is not for everybody to listen on. Set ${setting} to one above 1023.`],
    ['EADDRNOTAVAIL', `This machine does not have the address ${host}. Set HOST to one that it has.`],
  ])
  const reason = error instanceof Error && 'code' in error ? reasons.get(error.code) : undefined
  return reason === undefined ? error : new StartError(reason, exit.unavailable, { cause: error })
}
