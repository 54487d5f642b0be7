import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { signHmac } from '../../server/auth/jwt.ts'
import { freePort, startPostgres } from '../../test/postgres-server.ts'

export type Name =
  | 'bare'
  | 'duly'
  | 'duly embedded'
  | 'express'
  | 'express, key prepared'
  | 'fastapi, 2 workers'
  | 'fastapi, 1 worker'

export interface Contestant {
  readonly name: Name
  readonly url: string
  readonly pid: number
  /** The main process of its PostgreSQL server; undefined if the database is in its own process. */
  readonly database: number | undefined
}

export interface Person {
  readonly user: string
  readonly token: string
}

export interface Field {
  readonly contestants: readonly Contestant[]
  readonly people: readonly [Person, ...Person[]]
  /** Of the PostgreSQL server. */
  readonly postgresVersion: string
  /** Programs that are left out, with the reason. */
  readonly absent: readonly string[]
  /** Of Duly on PostgreSQL; undefined if it does not take part. */
  readonly databaseUrl: string | undefined
  personOf(user: string): Person
  /** Starts another Duly on the same PostgreSQL. */
  addReplica(): Promise<Contestant>
}

export interface Stage {
  /**
   * Starts or restarts everything.
   * @throws if a program ends instead of listening, or after close()
   */
  open(): Promise<Field>
  /** Ends everything that was started. */
  close(): Promise<void>
}

interface Recipe {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

// The table of the other programs: a task of the contract, without revisions.
const table = [
  `create table tasks (
    user_id text not null, id bigint generated always as identity, title text not null, description text,
    priority text, due_date text, tags jsonb not null default '[]', category text, status text,
    is_completed boolean not null default false, created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(), primary key (user_id, id))`,
  'create index tasks_newest on tasks (user_id, created_at desc, id desc)',
]

const fastApi = ['fastapi', 'sqlalchemy', 'psycopg2', 'uvicorn', 'jwt']

const built = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const source = (path: string) => fileURLToPath(new URL(`../../../bench/http/${path}`, import.meta.url))

/**
 * A PostgreSQL server and the programs to compare, each a process with its own database.
 * @param names the programs
 * @param settings of Duly, in addition to its database and port
 * @param postgresSettings in the form `name=value`
 */
export function stage(
  names: readonly Name[],
  settings: Readonly<Record<string, string>> = {},
  postgresSettings: readonly string[] = [],
): Stage {
  const secret = randomBytes(32).toString('hex')
  const exp = Math.floor(Date.now() / 1000) + 12 * 3600
  const key = createSecretKey(Buffer.from(secret))
  const personOf = (user: string) => ({ user, token: signHmac({ sub: user, exp }, key) })
  const people = [
    personOf('person-1'),
    ...Array.from({ length: 19 }, (_, n) => personOf(`person-${n + 2}`)),
  ] as const
  const folder = mkdtempSync(join(tmpdir(), 'duly-bench-'))
  const children: ChildProcess[] = []
  let postgres: ReturnType<typeof startPostgres> | undefined
  let closed = false
  let ended = Promise.resolve()
  // Sequentially: close() waits for a stop in progress.
  const endAll = () => {
    ended = ended.then(async () => {
      await Promise.all(children.splice(0).map(end))
      const server = await postgres?.catch(() => undefined)
      postgres = undefined
      await server?.stop()
    })
    return ended
  }
  const close = async () => {
    closed = true
    await endAll()
    rmSync(folder, { recursive: true, force: true })
  }
  const refuseClosed = () => {
    if (closed) throw new Error('The benchmark is being stopped.')
  }
  const start = async (name: Name, recipe: Recipe, database: number | undefined): Promise<Contestant> => {
    refuseClosed()
    const child = spawn(recipe.program, recipe.args, {
      env: { PATH: process.env.PATH ?? '', ...recipe.env },
      stdio: ['ignore', 'pipe', name.startsWith('fastapi') ? 'pipe' : 'inherit'],
      // Each program has a process group, so that its workers end with it.
      detached: process.platform !== 'win32',
    })
    children.push(child)
    const url = await addressOf(child, name)
    await untilItAnswers(url)
    return { name, url, pid: child.pid ?? 0, database }
  }
  const open = async (): Promise<Field> => {
    await endAll()
    refuseClosed()
    const dataDir = mkdtempSync(join(folder, 'data-'))
    postgres = startPostgres(postgresSettings)
    const server = await postgres
    const python = names.some(name => name.startsWith('fastapi')) ? pythonWith(fastApi) : undefined
    const ports = [String(await freePort()), String(await freePort())] as const
    const recipes = recipesFor(python, ports, secret, dataDir, settings)
    const contestants: Contestant[] = []
    let dulyUrl: string | undefined
    for (const name of names) {
      const recipe = recipes[name]
      if (!recipe) continue
      const databaseUrl = await createDatabase(server.url, name, name === 'duly' ? [] : table)
      if (name === 'duly') dulyUrl = databaseUrl
      contestants.push(
        await start(name, recipe(databaseUrl), name === 'duly embedded' ? undefined : server.pid),
      )
    }
    const absent =
      names.length === contestants.length
        ? []
        : [
            `FastAPI is left out: no python3 here has ${fastApi.join(', ')} (Debian: apt install python3-fastapi python3-sqlalchemy python3-psycopg2 python3-uvicorn python3-jwt).`,
          ]
    const addReplica = async () => {
      const recipe = recipes.duly
      if (!recipe || dulyUrl === undefined) throw new Error('Duly on PostgreSQL does not take part.')
      return start('duly', recipe(dulyUrl), server.pid)
    }
    return {
      contestants,
      people: [...people],
      postgresVersion: await versionOf(server.url),
      absent,
      databaseUrl: dulyUrl,
      personOf,
      addReplica,
    }
  }
  return { open, close }
}

function recipesFor(
  python: string | undefined,
  ports: readonly [string, string],
  secret: string,
  dataDir: string,
  settings: Readonly<Record<string, string>>,
): Partial<Record<Name, (databaseUrl: string) => Recipe>> {
  const node = (args: readonly string[], env: Record<string, string> = {}): Recipe => ({
    program: process.execPath,
    args,
    env,
  })
  const duly = [built('../../server/cli.js'), 'start', '--port', '0', '--data-dir', dataDir]
  // Limits are enabled, since they cost time, and high enough not to apply.
  const limits = { RATE_LIMIT: '100000/1000', MAX_TASKS: '999999999' }
  const env = { BETTER_AUTH_SECRET: secret, LOG_LEVEL: 'info', ...limits, ...settings }
  // With port 0 it does not print its port.
  const uvicorn = (workers: string, port: string) => (databaseUrl: string) => ({
    program: python ?? '',
    args: ['-m', 'uvicorn', 'main:app', '--app-dir', source('fastapi'), '--port', port, '--workers', workers],
    env: { DATABASE_URL: databaseUrl, SECRET: secret, PYTHONDONTWRITEBYTECODE: '1' },
  })
  return {
    bare: url => node([built('./bare.js'), url, secret]),
    duly: url => node(duly, { ...env, DATABASE_URL: url }),
    'duly embedded': () => node(duly, env),
    express: url => node([built('./express.js'), url, secret]),
    'express, key prepared': url => node([built('./express.js'), url, secret, 'prepared']),
    ...(python && {
      'fastapi, 2 workers': uvicorn('2', ports[0]),
      'fastapi, 1 worker': uvicorn('1', ports[1]),
    }),
  }
}

function pythonWith(modules: readonly string[]): string | undefined {
  // A user's own Python often precedes the system's, for which Debian installs packages.
  return ['python3', '/usr/bin/python3'].find(program => {
    try {
      execFileSync(program, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })
}

// SIGKILL, since its data is discarded. A program that has already ended emits no exit event.
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  if (process.platform === 'win32') child.kill('SIGKILL')
  else process.kill(-child.pid, 'SIGKILL')
  await ended
}

async function createDatabase(server: string, name: string, statements: readonly string[]): Promise<string> {
  const database = name.replace(/\W+/g, '_')
  await run(server, [`create database ${database}`])
  const url = new URL(server)
  url.pathname = `/${database}`
  await run(url.toString(), statements)
  return url.toString()
}

async function run(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

async function versionOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ server_version: string }>('show server_version')
  await client.end()
  return rows[0]?.server_version ?? '?'
}

// Uvicorn prints its URL before its workers listen.
async function untilItAnswers(url: string): Promise<void> {
  for (let n = 0; n < 300; n += 1) {
    try {
      await fetch(`${url}/health`)
      return
    } catch {
      await pause(100)
    }
  }
  throw new Error(`No response from ${url}.`)
}

// Further output is read and discarded: a log line costs as much as in production.
function addressOf(child: ChildProcess, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const read = (chunk: Buffer) => {
      if (printed.length < 10_000) printed += chunk.toString()
      const found = /(?:listening|Uvicorn running) on (http:\/\/[\d.:]+)/.exec(printed)
      if (found?.[1]) resolve(found[1])
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('close', code => reject(new Error(`${name} ended with code ${code}: ${printed}`)))
  })
}
