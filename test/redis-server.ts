import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

export interface RedisServer {
  readonly port: number
  readonly url: string
  /** The server's process, for tests that stop or kill it. */
  readonly pid: number
  stop(): Promise<void>
}

interface Program {
  readonly path: string
  readonly libraries?: string
}

/** A real Redis or Valkey on the loopback, which keeps nothing. @param port a free one, where nothing is said */
export async function startRedis(settings: readonly string[] = [], port?: number): Promise<RedisServer> {
  const { path, libraries } = findRedis()
  const chosen = port ?? (await freePort())
  const keepsNothing = ['--save', '', '--appendonly', 'no', '--dir', tmpdir()]
  const args = ['--port', String(chosen), '--bind', '127.0.0.1', ...keepsNothing, ...settings]
  const env = { ...process.env, ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }) }
  // Debian's is one program for several names.
  const server = spawn(path, args, { argv0: 'redis-server', env, stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = new Promise(resolve => server.once('exit', resolve))
  let printed = ''
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    void exited.then(() => reject(new Error(`Redis ended instead of listening: ${printed}`)))
    server.stdout.on('data', chunk => {
      printed += chunk
      if (/ready to accept connections/i.test(printed)) resolve()
    })
  })
  const killed = () => server.kill('SIGKILL')
  process.once('exit', killed)
  return {
    port: chosen,
    url: `redis://127.0.0.1:${chosen}`,
    pid: server.pid ?? 0,
    async stop() {
      process.removeListener('exit', killed)
      server.kill('SIGKILL')
      await exited
    },
  }
}

/** The one that `REDIS_SERVER_PATH` names and no other; else an installed one; else Debian's, unpacked where no root is needed. */
function findRedis(): Program {
  const named = process.env.REDIS_SERVER_PATH
  if (named !== undefined) return { path: named }
  const folders = (process.env.PATH ?? '').split(delimiter)
  const installed = ['redis-server', 'valkey-server']
    .flatMap(name => folders.map(folder => join(folder, name)))
    .find(path => existsSync(path))
  if (installed !== undefined) return { path: installed }
  try {
    return unpacked()
  } catch (cause) {
    throw new Error(
      'Install Redis or Valkey (on Debian: apt-get install redis-server), or set REDIS_SERVER_PATH to one, to run the tests of limits that replicas share.',
      { cause },
    )
  }
}

function unpacked(): Program {
  const folder = join(tmpdir(), `duly-redis-${process.getuid?.() ?? 'user'}`)
  if (!existsSync(folder)) {
    const draft = mkdtempSync(`${folder}-`)
    download(draft)
    try {
      renameSync(draft, folder)
    } catch {
      // Another test file was faster.
      rmSync(draft, { recursive: true, force: true })
    }
  }
  const libraries = execFileSync('find', [join(folder, 'usr', 'lib'), '-name', '*.so.*', '-printf', '%h\\n'])
  return {
    path: join(folder, 'usr', 'bin', 'redis-check-rdb'),
    libraries: [...new Set(String(libraries).trim().split('\n'))].join(delimiter),
  }
}

function download(folder: string): void {
  const own = ['Dir::State::Lists', 'Dir::Cache'].flatMap(name => {
    const path = join(folder, name)
    mkdirSync(join(path, 'partial'), { recursive: true })
    return ['-o', `${name}=${path}`]
  })
  const run = (program: string, ...args: string[]) =>
    String(execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }))
  run('apt-get', ...own, 'update')
  const needed = run('apt-cache', ...own, 'depends', 'redis-tools').matchAll(/^ {2}Depends: (\S+)$/gm)
  const libraries = [...needed].map(([, name = '']) => name).filter(name => !/^(adduser|libc6)$/.test(name))
  run('apt-get', ...own, 'download', 'redis-tools', ...libraries)
  for (const file of run('find', '.', '-maxdepth', '1', '-name', '*.deb').trim().split('\n'))
    run('dpkg-deb', '-x', file, '.')
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise(resolve => probe.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
