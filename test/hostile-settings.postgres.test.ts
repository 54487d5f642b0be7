import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { dulyHere, failedStart } from './command.ts'
import { newUserHere } from './person.ts'
import { type PgBouncer, startPgBouncer } from './pgbouncer.ts'
import { newUser, type OwnDatabase, openDatabase, ownDatabase, served, testSecret } from './served.ts'

// Settings of a database and a role (ALTER DATABASE, ALTER ROLE) must have no effect on Duly.

const hostile: Readonly<Record<string, string>> = {
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Asia/Kathmandu',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  standard_conforming_strings: 'off',
  array_nulls: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  row_security: 'off',
  gin_fuzzy_search_limit: '1',
  lock_timeout: '1ms',
  idle_session_timeout: '1s',
  jit: 'on',
  statement_timeout: '1ms',
  idle_in_transaction_session_timeout: '1ms',
  client_encoding: 'LATIN1',
  plan_cache_mode: 'force_custom_plan',
  transaction_timeout: '1ms',
}
/** A search path in which another `now()` comes before PostgreSQL's. */
const hostilePath = 'evil, pg_catalog'

async function administer(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    options: '-c statement_timeout=0 -c transaction_timeout=0 -c search_path=public',
  })
  await client.connect()
  try {
    for (const text of statements) await client.query(text)
  } finally {
    await client.end()
  }
}

const as = (url: string, user: string) => {
  const other = new URL(url)
  other.username = user
  return other.toString()
}

for (const whose of ['database', 'role'] as const) {
  describe(`hostile settings of the ${whose}`, () => {
    const role = `hostile_${whose}_${process.pid}`
    let own: OwnDatabase
    let url = ''
    let name = ''
    before(async () => {
      own = await ownDatabase('empty')
      url = String(own.env.DATABASE_URL)
      name = new URL(url).pathname.slice(1)
      const target = whose === 'database' ? `database ${name}` : `role ${role}`
      await administer(url, [
        `create role ${role} login`,
        `grant create, connect on database ${name} to ${role}`,
        'create schema evil',
        `grant usage on schema evil to ${role}`,
        `create function evil.now() returns timestamptz language sql as $$ select '1999-01-01'::timestamptz $$`,
        `create function evil.lower(text) returns text language sql as $$ select 'wrong' $$`,
        ...Object.entries(hostile).map(([setting, value]) => `alter ${target} set ${setting} = '${value}'`),
        `alter ${target} set search_path = ${hostilePath}`,
      ])
    })
    after(async () => {
      await administer(url, [`drop owned by ${role} cascade`, `drop role ${role}`])
      await own.drop()
    })

    it('are in effect in a session that does not override them', async () => {
      const client = new pg.Client({
        connectionString: as(url, role),
        options: '-c statement_timeout=0 -c transaction_timeout=0',
      })
      await client.connect()
      const { rows } = await client.query('show datestyle')
      await client.end()
      assert.deepEqual(rows, [{ DateStyle: 'SQL, DMY' }])
    })

    it('have no effect on users, tasks, backups and duly doctor', async () => {
      const settings = { DATABASE_URL: as(url, role) }
      const folder = mkdtempSync(join(tmpdir(), 'duly-hostile-'))
      const api = await served(settings, { env: { ...own.env, ...settings }, drop: async () => {} })
      try {
        const person = await newUserHere(api)
        assert.equal((await person.auth('GET', '/get-session')).body?.user?.email, person.email)
        const token = await person.token()
        const json = { title: "It's \\ “quoted”", description: '√ 1.5 €' }
        const made = await api.call('POST', '/api/v1/tasks', { token, json })
        assert.equal(made.status, 201)
        assert.deepEqual([made.body.title, made.body.description], [json.title, json.description])
        assert.ok(Math.abs(Date.parse(made.body.created_at) - Date.now()) < 60_000, made.body.created_at)
        const list = await api.call('GET', '/api/v1/tasks?q=quoted', { token })
        assert.deepEqual(list.body.tasks, [made.body])
        assert.equal((await person.auth('POST', '/sign-out', {})).status, 200)
        assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 401)

        const env = { ...settings, BETTER_AUTH_SECRET: testSecret }
        const listed = await dulyHere(['user', 'list', '--json'], env)
        assert.match(listed.stdout, new RegExp(person.email), listed.stderr)
        const created = JSON.parse(listed.stdout).createdAt
        assert.ok(Math.abs(Date.parse(created) - Date.now()) < 60_000, created)
        const file = join(folder, 'backup')
        const backup = await dulyHere(['backup', file], env)
        assert.equal(backup.code, 0, backup.stderr)
        const doctor = await dulyHere(['doctor'], env)
        assert.equal(doctor.code, 0, doctor.stdout)
      } finally {
        await api.close()
        rmSync(folder, { recursive: true })
      }
    })

    it('are overridden on every connection', async () => {
      const { db } = await openDatabase({ DATABASE_URL: as(url, role), BETTER_AUTH_SECRET: testSecret })
      const [row] = await db.query(
        {
          name: '',
          text: `select coalesce(string_agg(name || '=' || setting, ', '), '') from pg_settings where name = any($1)
          and source in ('database', 'user', 'database user')`,
        },
        [[...Object.keys(hostile), 'search_path']],
      )
      await db.close()
      assert.deepEqual(row, [''])
    })

    it('have no effect on a restored backup', async () => {
      const settings = { DATABASE_URL: as(url, role), BETTER_AUTH_SECRET: testSecret }
      const folder = mkdtempSync(join(tmpdir(), 'duly-hostile-'))
      const file = join(folder, 'backup')
      assert.equal((await dulyHere(['backup', file], settings)).code, 0)
      const restored = await dulyHere(['restore', file, '--replace'], settings)
      assert.equal(restored.code, 0, restored.stderr)
      rmSync(folder, { recursive: true })
    })
  })
}

describe('hostile settings behind a pooler in transaction mode', () => {
  let own: OwnDatabase
  let pooler: PgBouncer
  before(async () => {
    own = await ownDatabase()
    pooler = await startPgBouncer(String(own.env.DATABASE_URL))
  })
  after(async () => {
    await pooler.stop()
    await own.drop()
  })

  it('are not checked if the pooler is not configured', async () => {
    const env = { DATABASE_URL: pooler.url, BETTER_AUTH_SECRET: testSecret, PORT: '0' }
    const { code, stderr, stdout } = await failedStart(env)
    assert.equal(code, 69, stderr)
    assert.match(
      stderr,
      /^Cannot start: PostgreSQL at .* \(08P01\)\. If a pooler such as PgBouncer is in between.*DATABASE_POOLER=transaction/,
    )
    assert.doesNotMatch(stdout, /waiting for/)
  })

  it('are rejected with the statements that fix them, except those that a pooler sets', async () => {
    const url = String(own.env.DATABASE_URL)
    const name = new URL(url).pathname.slice(1)
    await administer(url, [
      `alter database ${name} set DateStyle = 'SQL, DMY'`,
      `alter database ${name} set bytea_output = 'escape'`,
      `alter database ${name} set default_transaction_isolation = 'serializable'`,
    ])
    // Its connections have the settings that the database had when they were opened.
    await pooler.stop()
    pooler = await startPgBouncer(url)
    const env = { DATABASE_URL: `${pooler.url}?pgbouncer=true`, BETTER_AUTH_SECRET: testSecret, PORT: '0' }
    const { code, stderr } = await failedStart(env)
    assert.equal(code, 78, stderr)
    const statements = stderr.split('\n').filter(line => line.startsWith('  alter role'))
    assert.equal(statements.length, 2, stderr)
    assert.match(stderr, /"bytea_output" = 'hex'/)
    assert.match(stderr, /"default_transaction_isolation" = 'read committed'/)

    await administer(url, statements)
    await pooler.stop()
    pooler = await startPgBouncer(url)
    const api = await served({ DATABASE_URL: `${pooler.url}?pgbouncer=true` }, own)
    const person = await newUserHere(api)
    assert.equal((await person.auth('GET', '/get-session')).body?.user?.email, person.email)
    const made = await api.call('POST', '/api/v1/tasks', { user: newUser(), json: { title: 'a' } })
    assert.equal(made.status, 201)
    await api.close()
  })
})

describe('a database with another encoding than UTF-8', () => {
  it('is rejected by duly start and duly doctor, with a fix', async () => {
    const own = await ownDatabase('empty')
    const name = `latin_${process.pid}`
    const url = String(own.env.DATABASE_URL)
    await administer(url, [
      `create database ${name} encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'`,
    ])
    const latin = new URL(url)
    latin.pathname = `/${name}`
    const env = { DATABASE_URL: latin.toString(), BETTER_AUTH_SECRET: testSecret, PORT: '0' }
    try {
      const start = await failedStart(env)
      assert.equal(start.code, 78)
      assert.match(
        start.stderr,
        /^Cannot start: .* stores text as LATIN1.*encoding 'UTF8' template template0/,
      )
      const doctor = await dulyHere(['doctor'], env)
      assert.equal(doctor.code, 1)
      assert.match(doctor.stdout, /✖ .*\n.*stores text as LATIN1/)
    } finally {
      await administer(url, [`drop database ${name}`])
      await own.drop()
    }
  })
})
