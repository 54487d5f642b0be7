import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { readCluster, unpackCluster } from '../server/db/unpack-cluster.ts'

const mebibyte = 1024 * 1024

function installedPglite(): string {
  const require = createRequire(import.meta.url)
  const folder = dirname(require.resolve('@electric-sql/pglite'))
  // Every package has a version.
  return (JSON.parse(readFileSync(join(folder, '..', 'package.json'), 'utf8')) as { version: string }).version
}

test('the packed cluster was created by the installed version of PGlite', () => {
  assert.equal(readCluster().header.pglite, installedPglite(), 'run node release/make-cluster.mjs')
})

test('the packed cluster has at most 4 MiB', () => {
  const packed = new URL('../server/db/cluster.br', import.meta.url)
  assert.ok(statSync(packed).size <= 4 * mebibyte)
})

test('the packed cluster has one database, without password, additional role or table of Duly', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'duly-cluster-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'postgres')
  await unpackCluster(directory)
  const database = await PGlite.create(directory)
  const rows = async (text: string) => (await database.query(text)).rows
  // Nothing would vacuum others, and their old transaction ids would end all writes one day.
  assert.deepEqual(await rows('select datname from pg_database'), [{ datname: 'postgres' }])
  const owners = await rows(`select rolname, rolpassword from pg_authid where rolname not like 'pg\\_%'`)
  assert.deepEqual(owners, [{ rolname: 'postgres', rolpassword: null }])
  const tables = await rows(
    `select relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where relkind = 'r' and nspname not in ('pg_catalog', 'information_schema')`,
  )
  assert.deepEqual(tables, [])
  await database.close()
  if (process.platform !== 'win32')
    assert.equal(statSync(join(directory, 'base')).mode & 0o077, 0, 'others can read it')
})
