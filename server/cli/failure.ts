import { AppError, exit, StartError } from '../errors.ts'
import { codeOf, explain } from '../system-error.ts'
import { reportTo, version } from '../version.ts'

/** Output and exit code of a failed command: one sentence if expected, a stack for a bug. */
export function failureOf(error: unknown, command?: string): { text: string; exitCode: number } {
  const known = expected(error)
  if (!known) return { text: bug(error), exitCode: exit.software }
  const isUsage = known.exitCode === exit.usage
  const hint = isUsage ? `\nRun "duly ${command === undefined ? '' : `${command} `}--help" for usage.` : ''
  return { text: `${known.message}${hint}\n`, exitCode: known.exitCode }
}

function expected(error: unknown): StartError | undefined {
  if (error instanceof StartError) return error
  const explained = explain(error)
  if (explained instanceof StartError) return explained
  if (!(error instanceof AppError) || error.code === 'internal') return undefined
  const cause = explain(error.cause)
  if (cause instanceof StartError) return cause
  const reason = cause instanceof Error ? ` (${cause.message})` : ''
  return new StartError(`${error.message}${reason}`, exit.unavailable)
}

function bug(error: unknown): string {
  const lines = [
    `Duly ${version} stopped because of an unexpected error. This is a bug. Please report it with these lines ${reportTo}.`,
    `Node ${process.version} on ${process.platform} ${process.arch}`,
  ]
  for (
    let at = error;
    at !== undefined && lines.length < 6;
    at = at instanceof Error ? at.cause : undefined
  ) {
    lines.push(at instanceof Error ? (at.stack ?? at.message) : String(at))
  }
  return `${lines.join('\n')}\n`
}

/**
 * A reader that stops early (`duly user list | head -1`) is not a failure. Any other error of
 * standard output is reported once and sets the exit code EX_IOERR.
 */
export function watchOutput(): void {
  process.stdout.on('error', error => {
    if (codeOf(error) === 'EPIPE' || process.exitCode === exit.ioErr) return
    const { text } = failureOf(explain(error, 'Cannot write to standard output'))
    process.stderr.write(text)
    process.exitCode = exit.ioErr
  })
  process.stderr.on('error', () => {})
}
