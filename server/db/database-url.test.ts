import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type PostgresAddress, parseDatabaseUrl } from './database-url.ts'

const folder = mkdtempSync(join(tmpdir(), 'duly-url-'))
after(() => rmSync(folder, { recursive: true }))
const rootFile = join(folder, 'root.crt')
writeFileSync(rootFile, 'a certificate\n')
const root = `sslrootcert=${encodeURIComponent(rootFile)}`

function addressOf(text: string, transactionPooler = false): PostgresAddress {
  const parsed = parseDatabaseUrl(text, transactionPooler)
  assert.ok('address' in parsed, 'the URL was refused')
  return parsed.address
}

function problemOf(text: string): string {
  const parsed = parseDatabaseUrl(text, false)
  assert.ok('problem' in parsed, 'the URL was accepted')
  return parsed.problem
}

describe('a database URL', () => {
  it('is taken as Neon prints it', () => {
    const url =
      'postgresql://user:pw@ep-x-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require'
    assert.deepEqual(addressOf(url), {
      host: 'ep-x-pooler.eu-central-1.aws.neon.tech',
      port: 5432,
      database: 'neondb',
      user: 'user',
      password: 'pw',
      ssl: { rejectUnauthorized: true },
      enableChannelBinding: true,
      transactionPooler: true,
      label: 'ep-x-pooler.eu-central-1.aws.neon.tech/neondb',
    })
  })

  const parts: readonly (readonly [name: string, url: string, Partial<PostgresAddress>])[] = [
    [
      'gives every part',
      'postgres://alice:pw@db.example.com:6543/tasks',
      { host: 'db.example.com', port: 6543, database: 'tasks', user: 'alice', password: 'pw' },
    ],
    [
      'is plain, unpooled and unbound unless it says more',
      'postgres://alice:pw@db/tasks',
      { port: 5432, ssl: false, enableChannelBinding: false, transactionPooler: false },
    ],
    [
      'decodes user, password and database',
      'postgres://al%40ice:p%2Fw%3A%25@db/t%20asks',
      { user: 'al@ice', password: 'p/w:%', database: 't asks' },
    ],
    ['keeps a bare per cent sign', 'postgres://alice:100%@db/tasks', { password: '100%' }],
    ['may leave out the password', 'postgres://alice@db/tasks', { user: 'alice', password: '' }],
    ['may leave out the host', 'postgres:///tasks', { host: 'localhost', port: 5432, database: 'tasks' }],
    ['may leave out the database', 'postgres://alice@db', { host: 'db', database: undefined }],
    ['may name an IPv6 address', 'postgres://alice@[::1]:5433/tasks', { host: '::1', port: 5433 }],
    [
      'may name a Unix socket as its host parameter',
      'postgres:///tasks?host=/var/run/postgresql',
      { host: '/var/run/postgresql', port: 5432, database: 'tasks' },
    ],
    [
      'may name a Unix socket beside a host, which is then not used',
      'postgres://alice:pw@localhost/tasks?host=/var/run/postgresql',
      { host: '/var/run/postgresql', user: 'alice', password: 'pw', database: 'tasks' },
    ],
    [
      'may name a user and a Unix socket, and leave out the host',
      'postgres://alice:pw@/tasks?host=/cloudsql/project:region:instance',
      { host: '/cloudsql/project:region:instance', user: 'alice', password: 'pw', database: 'tasks' },
    ],
    [
      'may name a Unix socket as its encoded host',
      'postgres://alice@%2Fvar%2Frun%2Fpostgresql/tasks',
      { host: '/var/run/postgresql', user: 'alice', database: 'tasks' },
    ],
    ['may name the port as a parameter', 'postgres://db/tasks?port=6543', { port: 6543 }],
    [
      'ignores parameters it does not know',
      'postgres://alice@db/tasks?application_name=x&pool_timeout=3',
      { host: 'db', database: 'tasks', user: 'alice' },
    ],
  ]
  for (const [name, url, expected] of parts) {
    it(name, () => {
      const address = addressOf(url)
      const found = Object.keys(expected).map(key => [key, address[key as keyof PostgresAddress]])
      assert.deepEqual(Object.fromEntries(found), expected)
    })
  }

  const form = 'give it as postgres://user:password@host:5432/database.'
  const unreadable = 'it cannot be read as a URL.'
  const bad: readonly (readonly [url: string, problem: string])[] = [
    ['', form],
    ['tasks', form],
    ['/var/run/postgresql tasks', form],
    ['localhost:5432/tasks', form],
    ['//alice:pw@db/tasks', form],
    ['mysql://alice:pw@db/tasks', form],
    ['https://alice:pw@db/tasks', form],
    ['jdbc:postgresql://db/tasks', form],
    ['postgres://alice:pw@db:port/tasks', form],
    ['postgres://alice:pw@db:65536/tasks', form],
    ['postgres://alice:pw@d b/tasks', form],
    ['postgres:tasks', form],
    ['postgres:alice:pw@db/tasks', form],
    ['postgres:/alice:pw@db/tasks', form],
    ['postgres://alice:pw@db/%ff', unreadable],
  ]
  for (const [url, problem] of bad) {
    it(`is refused as ${JSON.stringify(url)}`, () => assert.equal(problemOf(url), problem))
  }

  it('with a port parameter that is no port is refused', () => {
    assert.equal(typeof problemOf('postgres://alice@db/tasks?port=abc'), 'string')
  })
})

describe('the label of a database', () => {
  const labels: readonly (readonly [url: string, label: string])[] = [
    ['postgres://u-alice:pw-tiger@db.example.com:6543/tasks', 'db.example.com/tasks'],
    ['postgres://db/tasks?user=u-alice&password=pw-tiger', 'db/tasks'],
    ['postgres://u-alice:pw-tiger@localhost/tasks?host=/run/pg', '/run/pg/tasks'],
    ['postgres:///', 'localhost'],
  ]
  for (const [url, label] of labels) {
    it(`is ${label}`, () => assert.equal(addressOf(url).label, label))
  }

  it('names neither user nor password where no database is named', () => {
    const { label } = addressOf('postgres://u-alice:pw-tiger@db')
    assert.doesNotMatch(label, /u-alice|pw-tiger/)
  })
})

describe('sslmode', () => {
  const encrypted = { rejectUnauthorized: false }
  const checked = { rejectUnauthorized: true }
  const ca = 'a certificate\n'
  const bound = 'channel_binding=require'
  const cases: readonly (readonly [query: string, ssl: object | false, name: 'any name' | 'the name'])[] = [
    ['', false, 'any name'],
    ['sslmode=disable', false, 'any name'],
    [`sslmode=disable&${root}`, false, 'any name'],
    ['sslmode=require', encrypted, 'the name'],
    ['sslmode=no-verify', encrypted, 'the name'],
    [`sslmode=no-verify&${root}`, encrypted, 'the name'],
    ['sslmode=verify-ca', checked, 'any name'],
    [`sslmode=verify-ca&${root}`, { ...checked, ca }, 'any name'],
    [`sslmode=require&${root}`, { ...checked, ca }, 'any name'],
    ['sslmode=verify-full', checked, 'the name'],
    ['sslmode=verify-full&sslrootcert=system', checked, 'the name'],
    [`sslmode=verify-full&${root}`, { ...checked, ca }, 'the name'],
    [`sslmode=require&${bound}`, checked, 'the name'],
    [`sslmode=require&${bound}&${root}`, { ...checked, ca }, 'the name'],
    ['sslmode=require&channel_binding=prefer', encrypted, 'the name'],
    ['sslmode=require&channel_binding=disable', encrypted, 'the name'],
  ]
  for (const [query, expected, name] of cases) {
    it(`is ${JSON.stringify(expected)} for ${name} with ${query.replace(root, 'sslrootcert=FILE') || 'nothing'}`, () => {
      const { ssl } = addressOf(`postgres://alice:pw@db/tasks?${query}`)
      if (ssl === false) {
        assert.equal(ssl, expected)
        return
      }
      const { checkServerIdentity, ...options } = ssl
      assert.deepEqual(options, expected)
      assert.equal(checkServerIdentity !== undefined, name === 'any name')
      // A name that is not the certificate's raises no error.
      // As never: the certificate is not looked at.
      assert.equal(checkServerIdentity?.('another', {} as never), undefined)
    })
  }

  for (const mode of ['prefer', 'allow', 'REQUIRE', 'true', 'verify_full', '']) {
    it(`is refused as "${mode}", with the modes there are`, () => {
      assert.equal(
        problemOf(`postgres://alice:pw@db/tasks?sslmode=${mode}`),
        'sslmode in it must be one of disable, require, no-verify, verify-ca, verify-full.',
      )
    })
  }

  // "When using sslrootcert=system, the default sslmode is changed to verify-full, and any weaker setting will result in
  // an error" (PostgreSQL manual, 32.1.2).
  it("is verify-full by default with the system's root certificates", () => {
    assert.deepEqual(addressOf('postgres://alice:pw@db/tasks?sslrootcert=system').ssl, checked)
  })

  for (const mode of ['disable', 'require', 'verify-ca']) {
    it(`is refused as ${mode} with the system's root certificates, which only verify-full fits`, () => {
      assert.match(
        problemOf(`postgres://alice:pw@db/tasks?sslmode=${mode}&sslrootcert=system`),
        /verify-full/,
      )
    })
  }

  it('with a root certificate that is not there is refused', () => {
    const missing = encodeURIComponent(join(folder, 'missing.crt'))
    assert.equal(
      problemOf(`postgres://alice:pw@db/tasks?sslmode=verify-full&sslrootcert=${missing}`),
      'the file that sslrootcert in it names cannot be read.',
    )
  })

  it('with a root certificate that is a folder is refused with the same sentence', () => {
    assert.equal(
      problemOf(`postgres://alice:pw@db/tasks?sslmode=verify-full&sslrootcert=${encodeURIComponent(folder)}`),
      'the file that sslrootcert in it names cannot be read.',
    )
  })
})

describe('channel binding', () => {
  const cases: readonly (readonly [query: string, enabled: boolean])[] = [
    ['sslmode=require', true],
    ['sslmode=verify-full&channel_binding=prefer', true],
    ['sslmode=verify-full&channel_binding=require', true],
    ['sslmode=verify-full&channel_binding=disable', false],
    ['sslmode=disable', false],
    ['', false],
  ]
  for (const [query, enabled] of cases) {
    it(`is ${enabled ? 'on' : 'off'} with ${query || 'nothing'}`, () => {
      assert.equal(addressOf(`postgres://alice:pw@db/tasks?${query}`).enableChannelBinding, enabled)
    })
  }
})

describe('a transaction pooler', () => {
  const cases: readonly (readonly [url: string, setting: boolean, pooled: boolean])[] = [
    ['postgres://alice@db/tasks', false, false],
    ['postgres://alice@db/tasks', true, true],
    ['postgres://alice@db/tasks?pgbouncer=true', false, true],
    ['postgres://alice@db/tasks?pgbouncer=false', false, false],
    ['postgres://alice@ep-x-pooler.eu-central-1.aws.neon.tech/tasks', false, true],
    ['postgres://alice@ep-x.eu-central-1.aws.neon.tech/tasks', false, false],
    ['postgres://alice@db/my-pooler.tasks', false, false],
  ]
  for (const [url, setting, pooled] of cases) {
    it(`is ${pooled ? '' : 'not '}there with ${url}${setting ? ' and the setting' : ''}`, () => {
      assert.equal(addressOf(url, setting).transactionPooler, pooled)
    })
  }
})
