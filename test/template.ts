import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { cachedFolder } from './cached-folder.ts'
import { copyTree } from './copy-tree.ts'
import { type PostgresServer, startPostgres, versionOfPostgres } from './postgres-server.ts'

// The template of test databases, created once by `duly migrate up`, since migrating takes seconds.
// It contains no rows, keys or secrets.

export interface Database {
  readonly url: string
  drop(): Promise<void>
}

/** Created once for each build of `server/db`, and kept in `dist/` for the next run. */
export function makeFolder(): string {
  return cachedFolder(placeOf('.template-'), draft => migrate(draft, { DATA_DIR: draft }))
}

/**
 * Starts PostgreSQL with a template database, on a copy of a cluster that is kept in the same way.
 */
export async function startWithTemplate(): Promise<{
  server: PostgresServer
  template: string
  /** The data directory of the cluster, for tests with a server of their own. */
  cluster: string
}> {
  const place = placeOf('.cluster-', versionOfPostgres())
  const cluster = join(place, 'data')
  if (!existsSync(place)) {
    const first = await startPostgres()
    await administer(first.url, 'create database duly_template')
    migrate(tmpdir(), { DATABASE_URL: templateOn(first.url) })
    await first.end('SIGINT')
    cachedFolder(place, draft => copyTree(first.data, join(draft, 'data')))
    await first.stop()
  }
  const server = await startPostgres([], cluster)
  return { server, template: templateOn(server.url), cluster }
}

/** The template database in a copy of the cluster. */
export const templateOn = (url: string): string => url.replace(/postgres$/, 'duly_template')

/** The path of the cached template. Removes those of other builds. */
function placeOf(prefix: string, version = ''): string {
  const dist = fileURLToPath(new URL('..', import.meta.url))
  const place = join(dist, `${prefix}${hashOf(join(dist, 'server', 'db'), version)}`)
  if (existsSync(place)) return place
  for (const old of readdirSync(dist)) {
    if (old.startsWith(prefix) && isHash.test(old.slice(prefix.length)))
      rmSync(join(dist, old), { recursive: true, force: true })
  }
  return place
}

const isHash = /^[0-9a-f]{16}$/

function hashOf(folder: string, version: string): string {
  const hash = createHash('sha256').update(version)
  for (const file of readdirSync(folder).sort()) {
    if (!/\.test\.js$|\.map$/.test(file)) hash.update(file).update(readFileSync(join(folder, file)))
  }
  return hash.digest('hex').slice(0, 16)
}

export function copyFolder(template: string, dataDir: string): void {
  copyTree(join(template, 'postgres'), join(dataDir, 'postgres'))
}

export async function makeDatabase(server: string): Promise<Database> {
  const database = await createDatabase(server)
  migrate(tmpdir(), { DATABASE_URL: database.url })
  return database
}

/**
 * A new database on this server: a copy of the template if that is on the same server, else empty.
 */
export async function createDatabase(server: string, template?: string): Promise<Database> {
  const name = `duly_test_${process.pid}_${Math.random().toString(36).slice(2)}`
  const url = new URL(server)
  url.pathname = `/${name}`
  const { host, pathname } = new URL(template ?? 'postgres://nowhere')
  const source = host === url.host ? pathname.slice(1) : 'template1'
  await administer(server, `create database ${name} template ${source}`)
  return { url: url.toString(), drop: () => administer(server, `drop database ${name} with (force)`) }
}

/**
 * One connection per server: a new one takes three times as long to create a database, since its
 * process maps every page of the shared memory again. A test may end while it is open.
 */
const administrators = new Map<string, pg.Pool>()

async function administer(server: string, text: string): Promise<void> {
  let pool = administrators.get(server)
  if (!pool) {
    pool = new pg.Pool({ connectionString: server, max: 1, idleTimeoutMillis: 0, allowExitOnIdle: true })
    // The server may stop first.
    pool.on('error', () => administrators.delete(server))
    administrators.set(server, pool)
  }
  await pool.query(text)
}

// A directory without a `.env` with settings of this machine.
function migrate(cwd: string, settings: Record<string, string>): void {
  const cli = fileURLToPath(new URL('../server/cli.js', import.meta.url))
  const { PATH = '', HOME = '' } = process.env
  execFileSync(process.execPath, [cli, 'migrate', 'up'], { cwd, env: { PATH, HOME, ...settings } })
}
