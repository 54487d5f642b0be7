import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { dulyHere, failedStart } from './command.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'
import { duly, type Ended } from './program.ts'
import { type OwnDatabase, ownDatabase, served, testSecret } from './served.ts'

// Failures of the first migration print one sentence: PostgreSQL's message, its code, and the fix.

let own: OwnDatabase
let url = ''
let name = ''
const role = `restricted_${process.pid}`
before(async () => {
  own = await ownDatabase('empty')
  url = String(own.env.DATABASE_URL)
  name = new URL(url).pathname.slice(1)
  await say(`create role ${role} login`)
})
after(async () => {
  await say(`drop owned by ${role} cascade`)
  await say(`drop role ${role}`)
  await own.drop()
})

async function say(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, options: '-c default_transaction_read_only=off' })
  await client.connect()
  await client.query(text)
  await client.end()
}

const restricted = () => {
  const other = new URL(url)
  other.username = role
  return other.toString()
}
const start = (address: string, more = {}) =>
  failedStart({ DATABASE_URL: address, BETTER_AUTH_SECRET: testSecret, PORT: '0', ...more })

/** The output is one sentence that begins like this, without a stack. */
function assertTold({ code, stderr, stdout }: Ended, pattern: RegExp, exitCode = 69): void {
  assert.equal(code, exitCode, stderr)
  assert.match(stderr, pattern)
  assert.match(stderr, /^Cannot start: /)
  assert.doesNotMatch(stderr, /\n\s+at /)
  assert.doesNotMatch(stdout, /waiting for/)
}

describe('a first migration that fails', () => {
  it('for a role without CREATE says what to grant', async () => {
    assertTold(
      await start(restricted()),
      /PostgreSQL at [\w.]+:\d+\/\w+ reported "permission denied for database \w+" \(42501\)\. Grant CREATE on the database/,
    )
    const migrate = await dulyHere(['migrate', 'up'], { DATABASE_URL: restricted() })
    assert.match(migrate.stderr, /^PostgreSQL at .* \(42501\)\./)
  })

  it('during a restore says the same, and that nothing was changed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'duly-restricted-'))
    const file = join(folder, 'backup')
    const source = await ownDatabase()
    try {
      assert.equal((await dulyHere(['backup', file], source.env)).code, 0)
      const { code, stderr } = await dulyHere(['restore', file], { DATABASE_URL: restricted() })
      assert.equal(code, 69)
      assert.match(stderr, /^PostgreSQL at .* \(42501\)\. Grant CREATE.*\nNothing was changed\.\n$/)
    } finally {
      await source.drop()
      rmSync(folder, { recursive: true })
    }
  })

  it('is avoided if an administrator has created the schema for the role', async () => {
    await say(`create schema duly authorization ${role}`)
    const migrate = await dulyHere(['migrate', 'up'], { DATABASE_URL: restricted() })
    assert.equal(migrate.code, 0, migrate.stderr)
    const api = await served({ DATABASE_URL: restricted() }, own)
    assert.equal((await api.call('GET', '/readyz')).status, 200)
    await api.close()
    await say('drop schema duly cascade')
  })

  it('in a read-only database says so', async () => {
    await say(`alter database ${name} set default_transaction_read_only = on`)
    assertTold(await start(url), /read-only \(25006\).*default_transaction_read_only/)
    await say(`alter database ${name} reset default_transaction_read_only`)
  })

  it('in a schema of that name with other tables does not change it', async () => {
    await say('create schema duly')
    await say('create table duly.tasks (id integer)')
    assertTold(
      await start(url),
      /The schema "duly" of this database belongs to another program: it contains tasks/,
      78,
    )
    await say('create table duly.migrations (version text)')
    assertTold(await start(url), /\(42703\)\. The schema "duly" belongs to another program/)
    await say('drop schema duly cascade')
  })

  it('in a database of a newer version names the version to go back to', async () => {
    await dulyHere(['migrate', 'up'], { DATABASE_URL: url })
    await say(`insert into duly.migrations (id, name) values (100, 'of tomorrow')`)
    assertTold(await start(url), /newer than this version of Duly.*migrate down --to \d+/, 78)
    await say('drop schema duly cascade')
  })

  it('keeps the cause for programs that start the server', async () => {
    const failure = served({ DATABASE_URL: restricted() }, own)
    await assert.rejects(failure, (error: Error) => {
      for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
        if ('code' in cause && cause.code === '42501') return true
      }
      return false
    })
  })
})

describe('a database server that cannot be reached', () => {
  it('because of its host name is retried, and the reason is logged at once', async () => {
    for (const command of [['backup', '-'], ['doctor']]) {
      const env = {
        DATABASE_URL: 'postgres://u:pw@no-such-host.invalid/tasks',
        BETTER_AUTH_SECRET: testSecret,
        PORT: '0',
      }
      const program = duly(command, env)
      await program.printed(
        /waiting for PostgreSQL at no-such-host\.invalid:5432\/tasks for 30 s at most: DNS .*\. Check/,
      )
      program.child.kill('SIGKILL')
      await program.ended
    }
  })

  it('over an unencrypted connection to another machine causes a warning, unless sslmode=disable is set', async () => {
    for (const [query, isWarned] of [
      ['', true],
      ['?sslmode=disable', false],
    ] as const) {
      const program = duly(['start'], {
        DATABASE_URL: `postgres://u:pw@no-such-host.invalid/tasks${query}`,
        BETTER_AUTH_SECRET: testSecret,
        PORT: '0',
      })
      const told = await program.printed(
        /.*waiting for PostgreSQL at no-such-host\.invalid:5432\/tasks for 30 s at most: DNS .*\. Check/s,
      )
      program.child.kill('SIGKILL')
      await program.ended
      assert.equal(/is not encrypted\. Add sslmode=verify-full/.test(told[0]), isWarned)
    }
  })

  it('because it does not support TLS causes an error at once', async () => {
    assertTold(await start(`${url}?sslmode=require`), /the server does not support TLS\. .*sslmode=disable/)
    assertTold(await start(`${url}?ssl=1`), /the server does not support TLS/)
    assertTold(await start(url, { PGSSLMODE: 'require' }), /the server does not support TLS/)
  })

  it('because it is not PostgreSQL causes an error', async () => {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    assertTold(
      await start(`postgres://u:pw@127.0.0.1:${port}/tasks?sslmode=require`),
      /PostgreSQL at 127\.0\.0\.1:\d+\/tasks cannot be reached/,
    )
    server.close()
  })
})

describe('a database server with TLS', () => {
  let server: PostgresServer
  let folder = ''
  const certificate = () => join(folder, 'server.crt')
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'duly-tls-'))
    chmodSync(folder, 0o755)
    const openssl = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost']
    const files = ['-keyout', join(folder, 'server.key'), '-out', certificate()]
    execFileSync('openssl', [...openssl, '-addext', 'subjectAltName=DNS:localhost', ...files], {
      stdio: 'ignore',
    })
    // PostgreSQL requires that only the user who runs it can read the key.
    if (process.getuid?.() === 0) execFileSync('chown', ['65534', join(folder, 'server.key')])
    chmodSync(join(folder, 'server.key'), 0o600)
    const settings = [
      'ssl=on',
      `ssl_cert_file=${certificate()}`,
      `ssl_key_file=${join(folder, 'server.key')}`,
    ]
    server = await startPostgres(settings, process.env.TEST_CLUSTER)
  })
  after(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const doctor = (query: string, host = 'localhost') =>
    dulyHere(['migrate', 'up'], {
      DATABASE_URL: `postgres://postgres@${host}:${server.port}/postgres?${query}`,
    })

  for (const query of ['ssl=1', 'ssl=true', 'sslmode=require', 'sslmode=require&sslnegotiation=direct']) {
    it(`is used with TLS: ${query}`, async () => {
      const { code, stderr } = await doctor(`${query}&application_name=encrypted`)
      assert.equal(code, 0, stderr)
    })
  }

  it('is used with verification of its certificate', async () => {
    const { code, stderr } = await doctor(
      `sslmode=verify-full&sslrootcert=${encodeURIComponent(certificate())}`,
    )
    assert.equal(code, 0, stderr)
  })

  it('is rejected at once if its certificate is invalid', async () => {
    for (const [query, host] of [
      ['sslmode=verify-full', 'localhost'],
      [`sslmode=verify-full&sslrootcert=${encodeURIComponent(certificate())}`, '127.0.0.1'],
      ['ssl=verify-full', 'localhost'],
    ] as const) {
      const { code, stderr } = await doctor(query, host)
      assert.equal(code, 69)
      assert.match(stderr, /^PostgreSQL at .* cannot be reached: TLS failed: .*\. Set sslrootcert/)
      assert.doesNotMatch(stderr, /waiting for/)
    }
  })

  it('is rejected if channel binding is required and not offered', async () => {
    const { code, stderr } = await doctor(
      `channel_binding=require&sslmode=verify-full&sslrootcert=${encodeURIComponent(certificate())}`,
    )
    assert.equal(code, 69)
    assert.match(stderr, /channel_binding=require, and the server did not offer it/)
  })
})

describe('settings with which no token would be accepted', () => {
  it('prevent a start, with a message that says what to set', async () => {
    const { code, stderr } = await failedStart({ DATABASE_URL: url, PORT: '0' })
    assert.equal(code, 78)
    assert.match(stderr, /^Cannot start: no token can be accepted.*BETTER_AUTH_SECRET.*JWKS_URL/)
    const accounts = await failedStart({ DATABASE_URL: url, PORT: '0', ACCOUNTS: 'on' })
    assert.equal(accounts.code, 78)
  })
})
