import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { canonicalEmail } from '../accounts/email.ts'
import { auditOf, emailSha256 } from '../audit.ts'
import { exit, StartError } from '../errors.ts'
import type { Log } from '../log.ts'
import { codeOf, explain } from '../system-error.ts'
import type { OperatorCommand, OperatorContext } from './command.ts'
import { commands } from './commands.ts'
import { controlSocket } from './control-socket.ts'

// Only one process can open an embedded database. While a server runs, it executes `duly user` and
// similar commands for other processes, over a socket in the data directory that only the owner of
// the database can open.

interface CommandRequest {
  readonly command: string
  readonly args: string[]
  readonly input: string
}

type Report = { readonly line: string } | { readonly code: number; readonly error?: string }

/** Executes commands of other processes, one at a time. The caller holds the lock of the data. */
export async function serveCommands(place: OperatorContext, log: Log): Promise<{ stop(): Promise<void> }> {
  const sockets = new Set<Socket>()
  let last: Promise<void> = Promise.resolve()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    createInterface(socket).once('line', line => {
      last = last.then(() => execute(line, place, socket, log))
    })
  })
  const socket = controlSocket(place.dataDir)
  try {
    await socket.listen(server)
  } catch (error) {
    const explained = explain(error, 'Cannot listen for commands in DATA_DIR')
    if (!(explained instanceof StartError)) throw error
    log.warn(`${explained.message} Stop the server before you use duly user, keys, backup, copy or doctor.`)
    return { stop: async () => {} }
  }
  return {
    stop: async () => {
      const closed = new Promise(resolve => server.close(resolve))
      await last
      for (const socket of sockets) socket.destroy()
      await closed
      socket.remove()
    },
  }
}

async function execute(line: string, place: OperatorContext, socket: Socket, log: Log): Promise<void> {
  const report = (what: Report) => socket.write(`${JSON.stringify(what)}\n`)
  try {
    // Written by `ask`, below.
    const { command, args, input } = JSON.parse(line) as CommandRequest
    const known: OperatorCommand | undefined = Object.hasOwn(commands, command)
      ? commands[command as keyof typeof commands]
      : undefined
    if (!known)
      throw new StartError(
        `The running server is another version of Duly and does not know the command "${command}".`,
        exit.usage,
      )
    const entry = { audit: `${command} ${args[0] ?? ''}`.trim(), by: 'operator', ...userIn(args.slice(1)) }
    const audit = (outcome: string) => auditOf(log).info({ ...entry, outcome }, 'audit')
    try {
      for await (const said of known.run(place, args, input)) report({ line: said })
      audit('success')
    } catch (error) {
      audit('failure')
      throw error
    }
    report({ code: 0 })
  } catch (error) {
    if (!(error instanceof StartError)) log.error({ err: error }, 'operator command failed')
    const failure = explain(error)
    const message = failure instanceof Error ? failure.message : String(failure)
    report({ code: failure instanceof StartError ? failure.exitCode : exit.software, error: message })
  }
  socket.end()
}

/** The user that a command names, before its options or after `--other-issuer`. */
function userIn(args: readonly string[]): object {
  const [name] = args.filter(arg => arg !== '--other-issuer')
  if (name === undefined || name.startsWith('-')) return {}
  const email = args.includes('--other-issuer') ? undefined : canonicalEmail(name)
  return email === undefined ? { user: name } : { emailSha256: emailSha256(email) }
}

/**
 * Has the server that uses this data directory execute a command.
 * @returns whether a server is running
 * @throws StartError with the server's message if the command fails
 */
export async function* ask(dataDir: string, request: CommandRequest): AsyncGenerator<string, boolean> {
  const socket = await reach(dataDir)
  if (!socket) return false
  socket.write(`${JSON.stringify(request)}\n`)
  for await (const line of createInterface(socket)) {
    const report = JSON.parse(line) as Report
    if ('line' in report) yield report.line
    else if (report.code !== 0) throw new StartError(report.error ?? 'The command failed.', report.code)
    else return true
  }
  throw new StartError('The server stopped before the command finished. Run it again.', exit.unavailable)
}

function reach(dataDir: string): Promise<Socket | undefined> {
  return controlSocket(dataDir)
    .connect()
    .catch(error => {
      const code = codeOf(error)
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ECONNREFUSED') return undefined
      const fix = 'Run the command as the user who runs the server.'
      throw explain(error, `Cannot reach the server that uses "${dataDir}"`, fix)
    })
}
