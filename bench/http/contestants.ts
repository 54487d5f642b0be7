import { type ChildProcess, spawn } from 'node:child_process'
import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { signHmac } from '../../server/auth/jwt.ts'
import { startPostgres } from '../../test/postgres-server.ts'

export interface Contestant {
  readonly name: string
  readonly url: string
  readonly pid: number
}

export interface Field {
  readonly contestants: readonly Contestant[]
  readonly token: string
  readonly user: string
}

export interface Stage {
  /** Starts everything. @throws where a program ends instead of listening, and once the stage is closed. */
  open(): Promise<Field>
  /** Ends all that was started, in whatever state it is. */
  close(): Promise<void>
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/**
 * A PostgreSQL server and, each as a process of its own, the programs that are compared.
 * @param settings of Duly, beside those that lead it there
 */
export function stage(settings: Readonly<Record<string, string>> = {}): Stage {
  const secret = randomBytes(32).toString('hex')
  const user = 'alice'
  const exp = Math.floor(Date.now() / 1000) + 6 * 3600
  const token = signHmac({ sub: user, exp }, createSecretKey(Buffer.from(secret)))
  const dataDir = mkdtempSync(join(tmpdir(), 'duly-bench-'))
  const children: ChildProcess[] = []
  let postgres: ReturnType<typeof startPostgres> | undefined
  let closed = false
  const close = async () => {
    closed = true
    await Promise.all(children.map(end))
    const server = await postgres?.catch(() => undefined)
    await server?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  const start = async (name: string, args: string[], env: Record<string, string>): Promise<Contestant> => {
    if (closed) throw new Error('The bench is being stopped.')
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    return { name, url: await addressOf(child, name), pid: child.pid ?? 0 }
  }
  const open = async (): Promise<Field> => {
    postgres = startPostgres()
    const databaseUrl = await createDatabase((await postgres).url, 'bench')
    const duly = [file('../../server/cli.js'), 'start', '--port', '0', '--data-dir', dataDir]
    const env = { BETTER_AUTH_SECRET: secret, LOG_LEVEL: 'info', ...settings }
    const contestants = [
      await start('bare', [file('./bare.js'), databaseUrl, secret], {}),
      await start('duly', duly, { ...env, DATABASE_URL: databaseUrl }),
      await start('duly embedded', duly, env),
    ]
    return { contestants, token, user }
  }
  return { open, close }
}

// Its data is thrown away, so nothing is gained by asking; one that has ended by itself tells no second time.
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function createDatabase(server: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.toString()
}

// The rest of what a program prints is read and thrown away: a log line costs what it costs in production.
function addressOf(child: ChildProcess, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      if (printed.length < 10_000) printed += chunk.toString()
      const found = /listening on (http:\/\/[\d.:]+)/.exec(printed)
      if (found?.[1]) resolve(found[1])
    })
    child.once('close', code => reject(new Error(`${name} ended with code ${code}: ${printed}`)))
  })
}
