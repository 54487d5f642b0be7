import { createSecretKey } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { pino } from 'pino'
import { signHmac } from '../server/auth/jwt.ts'
import { readConfig } from '../server/config/config.ts'
import { connect } from '../server/db/connect.ts'
import type { Database, OnStatement } from '../server/db/database.ts'
import { migrateUp } from '../server/db/migrate.ts'
import type { Log } from '../server/log.ts'
import { type Server, startServer } from '../server/main.ts'
import { dataFolder } from './data-folder.ts'
import { described } from './described.ts'
import { assertNoLeak, keepAnswer, keepCall, keepSettings } from './leaks.ts'
import './quick-passwords.ts'
import { send } from './send.ts'
import { copyFolder, createDatabase } from './template.ts'

// The program under test: a database of its own, embedded or on the PostgreSQL server of the run,
// and the server in front of it, which is called over HTTP.

/**
 * The embedded database is WebAssembly. Optimizing code that runs for seconds doubles the CPU time.
 * Functions that are never called are not validated.
 */
const quickWebAssembly = ['--liftoff-only', '--wasm-lazy-validation']
/** The code of the embedded database. Threads share it as long as one of them holds it. */
const compiled: unknown[] = []
// Node has it; its types are among those of browsers.
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<unknown> }

/** A test server runs for seconds, too: only code that runs very often is optimized. */
const lateOptimization = '--interrupt-budget=700000'
for (const flag of [...quickWebAssembly, lateOptimization]) setFlagsFromString(flag)

/** Node options for programs in tests. */
export const soonStarted = [
  ...quickWebAssembly,
  lateOptimization,
  `--import=${new URL('./quick-passwords.js', import.meta.url).href}`,
]

/** The same for commands, which end before optimized code would pay off. */
export const briefly = [...soonStarted, '--no-opt', '--single-threaded']

export const testSecret = 'a secret that only the tests know, and use'
const isForEmbedded = process.argv[1]?.endsWith('.embedded.test.js') ?? false
export const onPostgres = process.env.TEST_DATABASE_URL !== undefined && !isForEmbedded

export type Env = Record<string, string>

/** For tests that send requests faster than users do. */
export const unlimited: Env = { RATE_LIMIT: 'off', RATE_LIMIT_ADDRESS: 'off' }

export interface OwnDatabase {
  /** The settings of this database. */
  readonly env: Env
  drop(): Promise<void>
}

/**
 * A database that no other test uses: in a directory, or on the server under test. By default it is
 * migrated; an empty one is as before the first start, as are all without test/run.ts.
 */
export async function ownDatabase(
  state: 'migrated' | 'empty' = 'migrated',
  onServer = onPostgres,
): Promise<OwnDatabase> {
  const folder = dataFolder()
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  const { TEST_DATABASE_URL: server, TEST_TEMPLATE_DATABASE, TEST_TEMPLATE_FOLDER } = process.env
  if (server === undefined || !onServer) {
    await shareWebAssembly()
    if (state === 'migrated' && TEST_TEMPLATE_FOLDER !== undefined) copyFolder(TEST_TEMPLATE_FOLDER, folder)
    return { env: { DATA_DIR: folder }, drop: async () => removeFolder() }
  }
  const database = await createDatabase(server, state === 'migrated' ? TEST_TEMPLATE_DATABASE : undefined)
  return {
    env: { DATA_DIR: folder, DATABASE_URL: database.url },
    drop: async () => {
      removeFolder()
      await database.drop()
    },
  }
}

/** Embedded databases of this process, even one after the other, compile their code once. */
export async function shareWebAssembly(): Promise<void> {
  if (compiled.length === 0) compiled.push(await WebAssembly.compile(readFileSync(webAssembly)))
}

// The data need not survive this process. Programs that tests start and kill sync every write.
export const unsynced: Env = { DATA_SYNC: 'off' }

const webAssembly = new URL('pglite.wasm', import.meta.resolve('@electric-sql/pglite'))

const silent = pino({ level: 'silent' })

/** The database of these settings, opened as the server does. */
export function openDatabase(env: Env, onStatement?: OnStatement) {
  return connect(readConfig({ ...env }), silent, onStatement)
}

export async function ownMigratedDatabase(): Promise<{ db: Database; env: Env; close(): Promise<void> }> {
  const { env, drop } = await ownDatabase()
  const { db } = await openDatabase({ ...unsynced, ...env })
  await migrateUp(db)
  return {
    db,
    env,
    close: async () => {
      await db.close()
      await drop()
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; undefined if it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: tests access fields of any response
  readonly body: any
}

export interface Call {
  readonly user?: string
  readonly token?: string
  readonly json?: unknown
  readonly body?: string | Uint8Array
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

export interface Served {
  readonly server: Server
  /** Every line of the log, parsed. */
  readonly lines: Record<string, unknown>[]
  call(method: string, path: string, call?: Call): Promise<Answer>
  close(): Promise<void>
}

/**
 * Starts the server in this process, on a database of its own. Each response is checked against the
 * OpenAPI document, and on close the log is searched for secrets.
 */
export async function served(settings: Env = {}, database?: OwnDatabase): Promise<Served> {
  const own = database ?? (await ownDatabase())
  const printed: string[] = []
  const lines: Record<string, unknown>[] = []
  let read = 0
  const log: Log = pino({ level: 'debug', base: null }, { write: line => printed.push(line) })
  const env = { PORT: '0', BETTER_AUTH_SECRET: testSecret, ...unsynced, ...own.env, ...settings }
  keepSettings(env)
  const config = readConfig(env)
  const server = await startServer(config, log)
  const { check } = described(config.contract, config.accounts, config.contractOptions)
  return {
    server,
    get lines() {
      for (; read < printed.length; read += 1) lines.push(JSON.parse(printed[read] ?? ''))
      return lines
    },
    call: async (method, path, call) => {
      const answer = await callAt(server.url, method, path, call)
      check({ method, path }, answer)
      return answer
    },
    close: async () => {
      await server.close()
      if (!database) await own.drop()
      assertNoLeak(printed.join(''))
    },
  }
}

/** Two replicas on one database. An embedded one allows one process, so both are the same. */
export async function twoReplicas(settings: Env, otherSettings: Env = settings) {
  const own = await ownDatabase()
  const api = await served(settings, own)
  const other = onPostgres ? await served(otherSettings, own) : api
  const close = async () => {
    if (other !== api) await other.close()
    await api.close()
    await own.drop()
  }
  return { api, other, close }
}

export async function callAt(url: string, method: string, path: string, call: Call = {}): Promise<Answer> {
  const headers = new Headers(call.headers)
  const token = call.token ?? (call.user === undefined ? undefined : tokenOf(call.user))
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  const body = call.json === undefined ? call.body : JSON.stringify(call.json)
  if (call.json !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json')
  keepCall(headers, path, call.json)
  const answer = await send(url + path, { method, headers, body, signal: call.signal })
  const parsed = parse(answer.text)
  keepAnswer(answer.headers, parsed)
  return { ...answer, body: parsed }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function tokenOf(user: unknown, claims: object = {}, secret = testSecret): string {
  const exp = Math.floor(Date.now() / 1000) + 3600
  return signHmac({ sub: user, exp, ...claims }, createSecretKey(Buffer.from(secret)))
}

let users = 0

/** A user whom no other test uses. */
export function newUser(name = 'user'): string {
  users += 1
  return `${name}-${process.pid}-${users}`
}
