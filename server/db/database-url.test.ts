import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type PostgresAddress, parseDatabaseUrl, placeOf } from './database-url.ts'

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
  it('is accepted as Neon prints it', () => {
    const url =
      'postgresql://user:pw@ep-x-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require'
    assert.deepEqual(addressOf(url), {
      host: 'ep-x-pooler.eu-central-1.aws.neon.tech',
      port: 5432,
      database: 'neondb',
      user: 'user',
      password: 'pw',
      ssl: { rejectUnauthorized: true },
      plainByDefault: false,
      enableChannelBinding: true,
      transactionPooler: true,
      poolerBecause: 'its host is that of a pooler of Neon',
      sslNegotiation: 'postgres',
      requireChannelBinding: true,
      applicationName: 'duly',
      options: '',
      connectMs: 5000,
      label: 'ep-x-pooler.eu-central-1.aws.neon.tech/neondb',
    })
  })

  it('is known to be unencrypted if the host is remote and TLS is not mentioned', () => {
    const isPlain = (url: string) => addressOf(url).plainByDefault
    for (const host of ['db', 'db.example.com', '10.0.0.1', '[2001:db8::1]']) {
      assert.equal(isPlain(`postgres://alice:pw@${host}/tasks`), true, host)
      for (const query of ['sslmode=disable', 'sslmode=require', 'ssl=false', 'ssl=1', root]) {
        assert.equal(isPlain(`postgres://alice:pw@${host}/tasks?${query}`), false, query)
      }
    }
    for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]', 'db.localhost', '%2Ftmp', '']) {
      assert.equal(isPlain(`postgres://alice:pw@${host}/tasks`), false, host)
    }
  })

  it('rejects unknown parameters with names of Object.prototype', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      assert.match(problemOf(`postgres://alice:pw@db/tasks?${name}=x`), new RegExp(`^${name}: remove it`))
    }
  })

  const parts: readonly (readonly [name: string, url: string, Partial<PostgresAddress>])[] = [
    [
      'contains every part',
      'postgres://alice:pw@db.example.com:6543/tasks',
      { host: 'db.example.com', port: 6543, database: 'tasks', user: 'alice', password: 'pw' },
    ],
    [
      'has no TLS, pooler or channel binding by default',
      'postgres://alice:pw@db/tasks',
      { port: 5432, ssl: false, enableChannelBinding: false, transactionPooler: false },
    ],
    [
      'decodes user, password and database',
      'postgres://al%40ice:p%2Fw%3A%25@db/t%20asks',
      { user: 'al@ice', password: 'p/w:%', database: 't asks' },
    ],
    ['keeps a lone percent sign', 'postgres://alice:100%@db/tasks', { password: '100%' }],
    ['may omit the password', 'postgres://alice@db/tasks', { user: 'alice', password: '' }],
    ['may omit the host', 'postgres:///tasks', { host: 'localhost', port: 5432, database: 'tasks' }],
    ['may omit the database', 'postgres://alice@db', { host: 'db', database: undefined }],
    ['may name an IPv6 address', 'postgres://alice@[::1]:5433/tasks', { host: '::1', port: 5433 }],
    [
      'may name a Unix socket as its host parameter',
      'postgres:///tasks?host=/var/run/postgresql',
      { host: '/var/run/postgresql', port: 5432, database: 'tasks' },
    ],
    [
      'may name a Unix socket besides a host, which is then not used',
      'postgres://alice:pw@localhost/tasks?host=/var/run/postgresql',
      { host: '/var/run/postgresql', user: 'alice', password: 'pw', database: 'tasks' },
    ],
    [
      'may name a user and a Unix socket, and omit the host',
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
      'sets the application name',
      'postgres://alice@db/tasks?application_name=tasks%20of%20ours',
      { applicationName: 'tasks of ours' },
    ],
    [
      'has a fallback for the application name',
      'postgres://db?fallback_application_name=x',
      { applicationName: 'x' },
    ],
    ['sets the connect timeout', 'postgres://db/tasks?connect_timeout=30', { connectMs: 30_000 }],
    [
      'passes options to the server',
      'postgres://db/tasks?options=endpoint%3Dep-x',
      { options: 'endpoint=ep-x' },
    ],
    [
      'keeps a plus sign, as libpq does',
      'postgres://db/tasks?user=a+b&password=c+d',
      { user: 'a+b', password: 'c+d' },
    ],
    ['names the database as a parameter', 'postgres://db?dbname=tasks', { database: 'tasks' }],
    [
      'keeps an at sign in a password',
      'postgres://alice:p@ss@db/tasks',
      { user: 'alice', password: 'p@ss', host: 'db' },
    ],
    ['keeps a colon in a password', 'postgres://alice:a:b@db/tasks', { password: 'a:b' }],
    [
      'may name a user with an at sign as a parameter',
      'postgres://db/tasks?user=alice@server',
      { user: 'alice@server' },
    ],
    [
      'starts TLS directly',
      'postgres://db/tasks?sslmode=verify-full&sslnegotiation=direct',
      { sslNegotiation: 'direct', ssl: { rejectUnauthorized: true } },
    ],
    [
      'raises the TLS version',
      'postgres://db/tasks?sslmode=require&ssl_min_protocol_version=TLSv1.3',
      { ssl: { rejectUnauthorized: false, minVersion: 'TLSv1.3' } },
    ],
    [
      'may set a parameter to what Duly does anyway',
      'postgres://db/tasks?client_encoding=UTF8&target_session_attrs=read-write&gssencmode=prefer&sslsni=1&uselibpqcompat=true',
      { host: 'db' },
    ],
  ]
  for (const [name, url, expected] of parts) {
    it(name, () => {
      const address = addressOf(url)
      const found = Object.keys(expected).map(key => [key, address[key as keyof PostgresAddress]])
      assert.deepEqual(Object.fromEntries(found), expected)
    })
  }

  const form = 'write it as postgres://user:password@host:5432/database.'
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
    it(`is rejected: ${JSON.stringify(url)}`, () => assert.equal(problemOf(url), problem))
  }

  it('is rejected with an invalid port parameter', () => {
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

  const places: readonly (readonly [url: string, place: string])[] = [
    ['postgres://u-alice:pw-tiger@db.example.com:6543/tasks', 'db.example.com:6543/tasks'],
    ['postgres://[::1]/tasks', '[::1]:5432/tasks'],
    ['postgres:///tasks?host=/run/pg', '/run/pg/tasks'],
    ['postgres:///', 'localhost:5432'],
  ]
  for (const [url, place] of places) {
    it(`includes its port in messages: ${place}`, () => assert.equal(placeOf(addressOf(url)), place))
  }

  it('contains neither user nor password if no database is named', () => {
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
      // The check accepts a name that is not in the certificate.
      // As never, since Node would not check the certificate.
      assert.equal(checkServerIdentity?.('another', {} as never), undefined)
    })
  }

  for (const mode of ['prefer', 'allow', 'REQUIRE', 'true', 'verify_full', '']) {
    it(`is rejected as "${mode}", with the valid modes`, () => {
      assert.equal(
        problemOf(`postgres://alice:pw@db/tasks?sslmode=${mode}`),
        `sslmode="${mode}" in it must be one of disable, require, no-verify, verify-ca, verify-full.`,
      )
    })
  }

  // "When using sslrootcert=system, the default sslmode is changed to verify-full, and any weaker
  // setting will result in an error" (PostgreSQL manual, 32.1.2).
  it("is verify-full by default with the system's root certificates", () => {
    assert.deepEqual(addressOf('postgres://alice:pw@db/tasks?sslrootcert=system').ssl, checked)
  })

  for (const mode of ['disable', 'require', 'verify-ca']) {
    it(`is rejected as ${mode} with the system's root certificates, which require verify-full`, () => {
      assert.match(
        problemOf(`postgres://alice:pw@db/tasks?sslmode=${mode}&sslrootcert=system`),
        /verify-full/,
      )
    })
  }

  it('is rejected with a root certificate that does not exist', () => {
    const missing = encodeURIComponent(join(folder, 'missing.crt'))
    assert.match(
      problemOf(`postgres://alice:pw@db/tasks?sslmode=verify-full&sslrootcert=${missing}`),
      /^the file sslrootcert=".*" in it cannot be read: it does not exist\.$/,
    )
  })

  it('is rejected with the same message if the root certificate is a directory', () => {
    assert.match(
      problemOf(`postgres://alice:pw@db/tasks?sslmode=verify-full&sslrootcert=${encodeURIComponent(folder)}`),
      /^the file sslrootcert=".*" in it cannot be read: it is a directory\.$/,
    )
  })
})

describe('ssl', () => {
  const encrypted = { rejectUnauthorized: false }
  const checked = { rejectUnauthorized: true }
  const cases: readonly (readonly [query: string, ssl: object | false])[] = [
    ...['true', '1', 'on', 'yes', 'TRUE', 'require'].map(value => [`ssl=${value}`, encrypted] as const),
    ...['false', '0', 'off', 'no', 'disable'].map(value => [`ssl=${value}`, false] as const),
    ['ssl=verify-full', checked],
    ['ssl=no-verify', encrypted],
    ['ssl=true&sslmode=verify-full', checked],
    ['ssl=1&channel_binding=require', checked],
  ]
  for (const [query, expected] of cases) {
    it(`is ${JSON.stringify(expected)} with ${query}`, () => {
      assert.deepEqual(addressOf(`postgres://alice:pw@db/tasks?${query}`).ssl, expected)
    })
  }

  it('is verify-full if only a root certificate is given', () => {
    const { ssl } = addressOf(`postgres://alice:pw@db/tasks?${root}`)
    assert.deepEqual(ssl, { ...checked, ca: 'a certificate\n' })
  })

  const refused = [
    'ssl=maybe',
    'ssl=prefer',
    'ssl=',
    'ssl=true&sslmode=disable',
    'ssl=false&sslmode=require',
    'ssl=0&sslmode=verify-full',
    'ssl=verify-full&sslmode=require',
    'SSL=true',
    'sslMode=require',
    'ssl=1&ssl=0',
    'sslmode=disable&channel_binding=require',
    'sslmode=require&channel_binding=always',
    'sslnegotiation=direct',
    'sslmode=require&sslnegotiation=both',
    'sslmode=require&ssl_min_protocol_version=TLSv9',
  ]
  for (const query of refused) {
    it(`is rejected as ${query}`, () => {
      assert.match(problemOf(`postgres://alice:pw@db/tasks?${query}`), /ssl|channel_binding/i)
    })
  }
})

describe('a parameter that Duly does not support', () => {
  const drivers: Readonly<Record<string, string>> = {
    libpq: `hostaddr passfile require_auth keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout
      replication gssencmode sslcompression sslcert sslkey sslkeylogfile sslpassword sslcertmode sslcrl sslcrldir sslsni
      requirepeer ssl_max_protocol_version min_protocol_version max_protocol_version krbsrvname gsslib gssdelegation
      scram_client_key scram_server_key service servicefile target_session_attrs load_balance_hosts oauth_issuer
      oauth_client_id oauth_client_secret oauth_scope client_encoding`,
    'node-postgres': `statement_timeout query_timeout lock_timeout idle_in_transaction_session_timeout max min
      idleTimeoutMillis connectionTimeoutMillis keepAlive keepAliveInitialDelayMillis allowExitOnIdle binary encoding
      uselibpqcompat`,
    Prisma: `schema connection_limit pool_timeout sslidentity sslpassword sslaccept statement_cache_size socket_timeout
      single_use_connections max_connection_lifetime max_idle_connection_lifetime`,
    Rails: `pool timeout encoding prepared_statements statement_limit advisory_locks schema_search_path variables
      min_messages checkout_timeout idle_timeout reaping_frequency max_connections min_connections keepalive adapter`,
    SQLAlchemy: `prepared_statement_cache_size prepared_statement_name_func async_fallback command_timeout
      server_settings executemany_mode pool_size max_overflow pool_recycle pool_pre_ping`,
    JDBC: `ApplicationName currentSchema loginTimeout connectTimeout socketTimeout tcpKeepAlive prepareThreshold
      preparedStatementCacheQueries reWriteBatchedInserts targetServerType loadBalanceHosts stringtype binaryTransfer
      defaultRowFetchSize readOnly sslfactory channelBinding`,
    pgx: `pool_max_conns pool_min_conns pool_max_conn_lifetime pool_max_conn_idle_time pool_health_check_period
      pool_max_conn_lifetime_jitter default_query_exec_mode statement_cache_capacity description_cache_capacity
      binary_parameters search_path timezone datestyle`,
  }
  for (const [driver, names] of Object.entries(drivers)) {
    it(`is rejected by name, with an alternative: ${driver}`, () => {
      for (const name of names.split(/\s+/)) {
        const problem = problemOf(`postgres://alice:pw-tiger@db/tasks?${name}=hunter2`)
        assert.ok(problem.startsWith(`${name}: `), problem)
        assert.match(problem, /remove|write|set|leave/)
        assert.doesNotMatch(problem, /hunter2|pw-tiger/)
      }
    })
  }

  it('is reported together with the others', () => {
    const problem = problemOf('postgres://db/tasks?schema=public&connection_limit=5')
    assert.match(problem, /schema: .* connection_limit: .*DATABASE_POOL/)
  })

  for (const options of [
    '-c datestyle=SQL',
    '--search-path=x',
    '-cstatement_timeout=1',
    '-c client_encoding=LATIN1',
  ]) {
    it(`is rejected as an option that Duly sets: ${options}`, () => {
      assert.match(
        problemOf(`postgres://db/tasks?options=${encodeURIComponent(options)}`),
        /^options: remove /,
      )
    })
  }

  for (const value of ['0', '-1', 'x', '1.5', '1000']) {
    it(`is rejected as connect_timeout=${value}`, () => {
      assert.match(problemOf(`postgres://db/tasks?connect_timeout=${value}`), /connect_timeout/)
    })
  }
})

describe('a password with reserved characters', () => {
  for (const password of ['a#b', 'a/b', 'a?b', '12?b', 'a/b@c', 'a?b=c', '1#2']) {
    it(`that are not encoded is rejected, and not repeated: ${password}`, () => {
      const problem = problemOf(`postgres://alice:${password}@db.example.com:5432/tasks`)
      assert.match(problem, /percent-encoded: # as %23/)
    })
    it(`that are encoded is accepted: ${password}`, () => {
      const { password: found, host } = addressOf(
        `postgres://alice:${encodeURIComponent(password)}@db.example.com:5432/tasks`,
      )
      assert.deepEqual([found, host], [password, 'db.example.com'])
    })
  }

  it('that decodes to no character is rejected', () => {
    assert.match(problemOf('postgres://alice:a%ffb@db/tasks'), /% as %25/)
  })
})

describe('several hosts', () => {
  for (const url of [
    'postgres://alice:pw@a:5432,b:5433/tasks',
    'postgres://a,b/tasks',
    'postgres:///tasks?host=a,b',
    'postgres://alice:pw@a/tasks?host=b',
    'postgres:///tasks?host=a&host=b',
  ]) {
    it(`are rejected: ${url}`, () => assert.match(problemOf(url), /host/))
  }
})

describe('the name of a driver', () => {
  for (const scheme of ['postgresql+asyncpg', 'postgresql+psycopg2', 'postgres+psycopg']) {
    it(`is rejected: ${scheme}`, () => {
      assert.match(problemOf(`${scheme}://alice:pw@db/tasks`), /begin it with postgres(ql)?:\/\//)
    })
  }
})

describe("libpq's environment variables", () => {
  const parse = (url: string, env: Record<string, string>) => {
    const parsed = parseDatabaseUrl(url, false, env)
    return 'address' in parsed ? parsed.address : parsed.problem
  }
  const address = (url: string, env: Record<string, string>) => {
    const parsed = parse(url, env)
    assert.ok(typeof parsed === 'object', String(parsed))
    return parsed
  }

  it('are defaults for what the URL omits', () => {
    const env = {
      PGHOST: 'db.example.com',
      PGPORT: '6000',
      PGUSER: 'alice',
      PGPASSWORD: 'pw',
      PGDATABASE: 'tasks',
      PGAPPNAME: 'ours',
      PGCONNECT_TIMEOUT: '7',
      PGSSLMODE: 'verify-full',
    }
    const { host, port, user, password, database, applicationName, connectMs, ssl } = address(
      'postgres://',
      env,
    )
    assert.deepEqual(
      [host, port, user, password, database, applicationName, connectMs, ssl],
      ['db.example.com', 6000, 'alice', 'pw', 'tasks', 'ours', 7000, { rejectUnauthorized: true }],
    )
  })

  it('do not override the URL', () => {
    const env = {
      PGHOST: 'other',
      PGPORT: '1',
      PGUSER: 'bob',
      PGPASSWORD: 'x',
      PGDATABASE: 'y',
      PGSSLMODE: 'disable',
    }
    const found = address('postgres://alice:pw@db:5432/tasks?sslmode=require', env)
    assert.deepEqual(
      [found.host, found.port, found.user, found.password, found.database, found.ssl],
      ['db', 5432, 'alice', 'pw', 'tasks', { rejectUnauthorized: false }],
    )
  })

  it('are rejected by name if they are not supported', () => {
    assert.match(String(parse('postgres://db/tasks', { PGSERVICE: 'x' })), /^PGSERVICE: /)
    assert.match(String(parse('postgres://db/tasks', { PGSSLCERT: 'x' })), /^PGSSLCERT: /)
    assert.match(
      String(parse('postgres://db/tasks', { PGHOST: 'a', PGOPTIONS: '-c timezone=UTC' })),
      /^PGOPTIONS: /,
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
    ['postgres://alice@aws-0-eu-central-1.pooler.supabase.com:6543/postgres', false, true],
    ['postgres://alice@aws-0-eu-central-1.pooler.supabase.com:5432/postgres', false, false],
    ['postgres://alice@db.abc.supabase.co:6543/postgres', false, true],
    ['postgres://alice@db:6432/tasks', false, true],
    ['postgres://alice@db:6432/tasks?pgbouncer=false', false, false],
    ['postgres://alice@db:6543/tasks', false, false],
    ['postgres://alice@x.proxy-abc.eu-west-1.rds.amazonaws.com/tasks', false, true],
    ['postgres://alice@x.abc.eu-west-1.rds.amazonaws.com/tasks', false, false],
    ['postgres://alice@x.db.ondigitalocean.com:25061/tasks', false, true],
  ]
  for (const [url, setting, pooled] of cases) {
    it(`is ${pooled ? '' : 'not '}assumed for ${url}${setting ? ' with the setting' : ''}`, () => {
      assert.equal(addressOf(url, setting).transactionPooler, pooled)
    })
  }
})
