import { createHash } from 'node:crypto'
import { chmodSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { auditOf, emailSha256 } from '../audit.ts'
import { exit, StartError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { OperatorCommand, Workplace } from './command.ts'
import { commands } from './commands.ts'

// An embedded database belongs to one process. While the server has it, `duly user` and the like are done by the server,
// which hears of them through a socket in the data directory: who may read the database may use it.

interface Order {
  readonly command: string
  readonly args: string[]
  readonly input: string
}

type Report = { readonly line: string } | { readonly code: number; readonly error?: string }

/** The longest name of a socket that every system takes (`sun_path`). */
const longestPath = 103

function address(dataDir: string): string | undefined {
  if (process.platform === 'win32') {
    return `\\\\.\\pipe\\duly-${createHash('sha256').update(dataDir).digest('hex').slice(0, 32)}`
  }
  const path = join(dataDir, 'control')
  return Buffer.byteLength(path) > longestPath ? undefined : path
}

/** Takes orders from the same machine, one after the other. Whoever calls holds the data directory's lock. */
export async function takeOrders(place: Workplace, log: Log): Promise<{ stop(): Promise<void> }> {
  const path = address(place.dataDir)
  if (path === undefined) {
    log.warn(
      `DATA_DIR is too long a path for a socket: stop the server before you use duly user, keys, backup, copy or doctor.`,
    )
    return { stop: async () => {} }
  }
  const sockets = new Set<Socket>()
  let last: Promise<void> = Promise.resolve()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    createInterface(socket).once('line', line => {
      last = last.then(() => obey(line, place, socket, log))
    })
  })
  // Left behind by a server that was killed.
  if (process.platform !== 'win32') rmSync(path, { force: true })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  if (process.platform !== 'win32') chmodSync(path, 0o600)
  return {
    stop: async () => {
      const closed = new Promise(resolve => server.close(resolve))
      await last
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

async function obey(line: string, place: Workplace, socket: Socket, log: Log): Promise<void> {
  const report = (what: Report) => socket.write(`${JSON.stringify(what)}\n`)
  try {
    // It comes from `ask`, below.
    const { command, args, input } = JSON.parse(line) as Order
    const known: OperatorCommand | undefined = Object.hasOwn(commands, command)
      ? commands[command as keyof typeof commands]
      : undefined
    if (!known)
      throw new StartError('The server is of another version, and does not know this command.', exit.usage)
    const order = { audit: `${command} ${args[0] ?? ''}`.trim(), by: 'operator', ...whom(args[1]) }
    const audit = (outcome: string) => auditOf(log).info({ ...order, outcome }, 'audit')
    try {
      for await (const said of known.run(place, args, input)) report({ line: said })
      audit('success')
    } catch (error) {
      audit('failure')
      throw error
    }
    report({ code: 0 })
  } catch (error) {
    if (!(error instanceof StartError)) log.error({ err: error }, 'an order of the operator failed')
    const message = error instanceof Error ? error.message : String(error)
    report({ code: error instanceof StartError ? error.exitCode : exit.software, error: message })
  }
  socket.end()
}

function whom(who: string | undefined): object {
  if (who === undefined || who.startsWith('-')) return {}
  return who.includes('@') ? { emailSha256: emailSha256(who) } : { user: who }
}

/** Has the server that runs on this data directory do it. @returns nothing where none runs. @throws StartError as the server did */
export async function* ask(dataDir: string, order: Order): AsyncGenerator<string, boolean> {
  const socket = await reach(dataDir)
  if (!socket) return false
  socket.write(`${JSON.stringify(order)}\n`)
  for await (const line of createInterface(socket)) {
    const report = JSON.parse(line) as Report
    if ('line' in report) yield report.line
    else if (report.code !== 0) throw new StartError(report.error ?? 'It failed.', report.code)
    else return true
  }
  throw new StartError('The server stopped before it was done.', exit.unavailable)
}

function reach(dataDir: string): Promise<Socket | undefined> {
  const path = address(dataDir)
  if (path === undefined) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined)
      else
        reject(new StartError(`The server on ${dataDir} cannot be asked: ${error.message}`, exit.unavailable))
    })
  })
}
