import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { findProgram } from './debian-program.ts'
import { freePort } from './postgres-server.ts'

const example = new URL('../../deploy/neon/pgbouncer.ini', import.meta.url)
// It refuses to run as root, as PostgreSQL does.
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

export interface PgBouncer {
  /** The URL of the database through PgBouncer. */
  readonly url: string
  stop(): Promise<void>
}

/** PgBouncer with `deploy/neon/pgbouncer.ini`, on a free port, in front of this database. */
export async function startPgBouncer(database: string): Promise<PgBouncer> {
  const behind = new URL(database)
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'duly-pgbouncer-'))
  chmodSync(folder, 0o755)
  const users = join(folder, 'users.txt')
  const ini = readFileSync(example, 'utf8')
    .replace('host=127.0.0.1 port=5432', `host=${behind.hostname} port=${behind.port || 5432}`)
    .replace('listen_port = 6432', `listen_port = ${port}`)
    .replace('users.txt', users)
  writeFileSync(join(folder, 'pgbouncer.ini'), ini)
  const [user, password] = [behind.username, behind.password].map(decodeURIComponent)
  writeFileSync(users, `"${user}" "${password}"\n`)
  const { path, env } = findProgram('pgbouncer')
  const server = spawn(path, [join(folder, 'pgbouncer.ini')], {
    ...nobody,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let printed = ''
  server.stderr.on('data', chunk => {
    printed = `${printed}${chunk}`.slice(-10_000)
  })
  const exited = new Promise(resolve => server.once('exit', resolve))
  const killed = () => server.kill('SIGKILL')
  process.once('exit', killed)
  const url = new URL(behind)
  url.host = `127.0.0.1:${port}`
  for (const deadline = Date.now() + 30_000; ; ) {
    const client = new pg.Client({ connectionString: url.toString() })
    try {
      await client.connect()
      await client.end()
      break
    } catch (cause) {
      const ended = server.exitCode !== null || Date.now() > deadline
      if (ended) throw new Error(`PgBouncer does not let anyone in: ${printed}`, { cause })
      await pause(50)
    }
  }
  return {
    url: url.toString(),
    async stop() {
      process.removeListener('exit', killed)
      server.kill('SIGKILL')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
