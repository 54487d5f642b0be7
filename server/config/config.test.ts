import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { exit, StartError } from '../errors.ts'
import { quote } from '../quote.ts'
import { hmacAlgorithms, publicKeyAlgorithms } from './algorithms.ts'
import { type Config, readConfig } from './config.ts'
import { readEnv } from './environment.ts'
import { basePath } from './public-url.ts'
import { settings } from './settings.ts'

type Env = Parameters<typeof readConfig>[0]

const secret = 'correct horse battery staple 12345'
const database = 'postgres://alice:pw@db.example.com/tasks'
const jwks = 'https://app.example.com/api/auth/jwks'

/** The problems with an environment, one line each. */
function problemsOf(env: Env): string[] {
  const error = refusal(env)
  const [head, ...lines] = error.message.split('\n')
  assert.equal(head, 'Invalid settings:')
  return lines.map(line => line.replace(/^ {2}- /, ''))
}

function refusal(env: Env): StartError {
  try {
    readConfig(env)
  } catch (error) {
    assert.ok(error instanceof StartError)
    assert.equal(error.exitCode, exit.config)
    return error
  }
  assert.fail('the settings were accepted')
}

interface Sample {
  readonly text: string
  readonly shown: (config: Config) => unknown
  readonly value: unknown
  /** Other settings without which it has no effect. */
  readonly beside?: Env
}

const folder = mkdtempSync(join(tmpdir(), 'duly-config-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const list = join(folder, 'list')
writeFileSync(list, '5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:1\n')

/** For each setting, a value other than the default, and where the configuration shows it. */
const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }

const samples: Readonly<Record<string, Sample>> = {
  HOST: { text: '0.0.0.0', shown: config => config.host, value: '0.0.0.0' },
  PORT: { text: '8080', shown: config => config.port, value: 8080 },
  DATABASE_URL: { text: database, shown: config => config.postgres?.label, value: 'db.example.com/tasks' },
  DATA_DIR: { text: 'elsewhere', shown: config => config.dataDir, value: resolve('elsewhere') },
  DATABASE_POOL: { text: '5', shown: config => config.databasePool, value: 5 },
  DATABASE_POOLER: {
    text: 'transaction',
    shown: config => config.postgres?.transactionPooler,
    value: true,
    beside: { DATABASE_URL: database },
  },
  BETTER_AUTH_SECRET: { text: secret, shown: config => config.secret, value: secret },
  JWT_ALGORITHM: { text: 'HS384', shown: config => config.algorithms, value: ['HS384'] },
  BETTER_AUTH_SECRET_ALSO: { text: secret, shown: config => config.secretAlso, value: secret },
  JWKS_URL: { text: jwks, shown: config => config.remoteIssuers.map(({ url }) => url.href), value: [jwks] },
  JWT_ISSUER: { text: 'the issuer', shown: config => config.rules.issuers, value: ['the issuer'] },
  JWT_AUDIENCE: { text: 'a, b', shown: config => config.rules.audiences, value: ['a', 'b'] },
  JWT_USER_CLAIM: { text: 'user.id', shown: config => config.userClaim, value: 'user.id' },
  JWT_CLOCK_SKEW: { text: '0', shown: config => config.clockSkew, value: 0 },
  PUBLIC_URL: {
    text: 'https://tasks.example.com',
    shown: config => config.publicUrl?.origin,
    value: 'https://tasks.example.com',
  },
  TRUST_PROXY: { text: '10.0.0.0/8, ::1', shown: config => config.trustProxy, value: ['10.0.0.0/8', '::1'] },
  ACCOUNTS: { text: 'off', shown: config => config.accounts, value: false },
  SIGN_UP: { text: 'closed', shown: config => config.signUp, value: 'closed' },
  SMTP_URL: { text: 'smtp://mail.test', shown: config => config.smtp, value: 'smtp://mail.test' },
  MAIL_FROM: { text: 'a@mail.test', shown: config => config.mailFrom, value: 'a@mail.test' },
  BREACHED_PASSWORDS: { text: list, shown: config => config.breachedPasswords, value: list },
  CONTRACT: { text: 'stage-2', shown: config => config.contract, value: 'stage-2' },
  CONTRACT_OPTIONS: {
    text: 'wrapped-task, counts',
    shown: config => config.contractOptions,
    value: ['wrapped-task', 'counts'],
  },
  CORS_ORIGINS: {
    text: 'https://a.example.com',
    shown: config => config.corsOrigins,
    value: ['https://a.example.com'],
  },
  LOG_LEVEL: { text: 'debug', shown: config => config.logLevel, value: 'debug' },
  DATA_SYNC: { text: 'off', shown: config => config.dataSync, value: false },
  RATE_LIMIT: { text: '5/7', shown: config => config.rateLimit, value: { perSecond: 5, burst: 7 } },
  RATE_LIMIT_ADDRESS: { text: 'off', shown: config => config.rateLimitAddress, value: undefined },
  REDIS_URL: { text: 'rediss://u:p@redis/1', shown: config => config.redis, value: 'rediss://u:p@redis/1' },
  METRICS_PORT: { text: '9464', shown: config => config.metrics?.port, value: 9464 },
  METRICS_TOKEN: { text: 'x'.repeat(16), shown: config => config.metrics?.token, value: 'x'.repeat(16) },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    text: 'http://collector:4318/',
    shown: config => config.traces?.url.href,
    value: 'http://collector:4318/v1/traces',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    text: 'authorization=Bearer%20a,x-team = b',
    shown: config => config.traces?.headers,
    value: { authorization: 'Bearer a', 'x-team': 'b' },
    beside: collector,
  },
  OTEL_SERVICE_NAME: {
    text: 'tasks',
    shown: config => config.traces?.service,
    value: 'tasks',
    beside: collector,
  },
  OTEL_TRACES_SAMPLER_ARG: {
    text: '0.1',
    shown: config => config.traces?.share,
    value: 0.1,
    beside: collector,
  },
  MAX_TASKS: { text: '10', shown: config => config.maxTasks, value: 10 },
  MAX_STORAGE: { text: '10 MiB', shown: config => config.maxStorage, value: 10_485_760 },
  SHUTDOWN_GRACE: { text: '12', shown: config => config.shutdownGrace, value: 12 },
  HISTORY_DAYS: { text: '9', shown: config => config.historyDays, value: 9 },
  TRASH_DAYS: { text: '7', shown: config => config.trashDays, value: 7 },
  WEB: { text: 'off', shown: config => config.web, value: false },
  WEBHOOK_PRIVATE_NETWORKS: {
    text: '10.0.0.0/8, fd00::1',
    shown: config => config.webhookNetworks,
    value: ['10.0.0.0/8', 'fd00::1'],
  },
}

describe('the settings', () => {
  it('have these defaults', () => {
    assert.deepEqual(readConfig({}), {
      host: '127.0.0.1',
      port: 8000,
      postgres: undefined,
      dataDir: resolve('data'),
      databasePool: 20,
      secret: undefined,
      algorithms: ['HS256', 'HS384', 'HS512'],
      secretAlso: undefined,
      remoteIssuers: [],
      rules: { issuers: [], audiences: [] },
      publicUrl: undefined,
      userClaim: undefined,
      clockSkew: 30,
      trustProxy: 0,
      accounts: true,
      signUp: 'open',
      smtp: undefined,
      mailFrom: undefined,
      github: undefined,
      google: undefined,
      breachedPasswords: undefined,
      contract: 'task-api',
      contractOptions: [],
      corsOrigins: [
        ...[3000, 4200, 5173, 8080].map(port => `http://localhost:${port}`),
        ...[3000, 4200, 5173, 8080].map(port => `http://127.0.0.1:${port}`),
      ],
      logLevel: 'info',
      dataSync: true,
      rateLimit: { perSecond: 100, burst: 200 },
      rateLimitAddress: { perSecond: 100, burst: 200 },
      redis: undefined,
      metrics: undefined,
      web: true,
      traces: undefined,
      maxTasks: 100_000,
      maxStorage: 268_435_456,
      webhookNetworks: [],
      shutdownGrace: 3,
      historyDays: 30,
      trashDays: 30,
      notes: [],
    })
  })

  it('each have a sample in this test', () => {
    const others = settings.filter(({ name }) => !/^(GITHUB|GOOGLE)_/.test(name))
    assert.deepEqual(Object.keys(samples).sort(), others.map(row => row.name).sort())
  })

  it('have the aliases that existing deployments use', () => {
    const aliases = settings.filter(row => row.aliases.length > 0).map(row => [row.name, ...row.aliases])
    assert.deepEqual(aliases, [
      ['HOST', 'API_HOST'],
      ['PORT', 'API_PORT'],
      ['PUBLIC_URL', 'BETTER_AUTH_URL'],
      ['CORS_ORIGINS', 'FRONTEND_URL'],
      ['BETTER_AUTH_SECRET', 'JWT_SECRET_KEY', 'JWT_SECRET', 'SECRET_KEY'],
      ['JWT_ALGORITHM', 'ALGORITHM'],
      ['JWKS_URL', 'BETTER_AUTH_PUBLIC_KEY_URL'],
    ])
  })

  for (const { name, aliases } of settings) {
    const sample = samples[name]
    if (!sample) continue
    const { text, shown, value, beside } = sample
    for (const used of [name, ...aliases]) {
      it(`${used} is read and trimmed`, () => {
        assert.notDeepEqual(shown(readConfig({ ...beside })), value)
        for (const written of [text, `  ${text} \n`]) {
          assert.deepEqual(shown(readConfig({ ...beside, [used]: written })), value)
        }
      })

      it(`${used} is unset if it is empty or white space`, () => {
        const untouched = readConfig({ ...beside })
        for (const empty of ['', '   ', '\t\n', undefined]) {
          assert.deepEqual(readConfig({ ...beside, [used]: empty }), untouched)
        }
      })
    }

    for (const [index, alias] of aliases.entries()) {
      it(`${alias} is used if the names before it are empty`, () => {
        const empty = Object.fromEntries([name, ...aliases.slice(0, index)].map(before => [before, '']))
        const config = readConfig({ ...beside, ...empty, [alias]: text })
        assert.deepEqual(shown(config), value)
        assert.deepEqual(config.notes, [])
      })
    }
  }

  it('use the first name that is set, and note the names that are ignored', () => {
    const config = readConfig({
      SECRET_KEY: `${secret} in SECRET_KEY`,
      JWT_SECRET: `${secret} in JWT_SECRET`,
      JWT_SECRET_KEY: secret,
      API_PORT: '9000',
      PORT: '8080',
      API_HOST: '0.0.0.0',
      HOST: '::1',
    })
    assert.deepEqual([config.secret, config.port], [secret, 8080])
    assert.deepEqual([...config.notes].sort(), [
      'API_HOST is ignored, because HOST is set.',
      'API_PORT is ignored, because PORT is set.',
      'JWT_SECRET is ignored, because JWT_SECRET_KEY is set.',
      'SECRET_KEY is ignored, because JWT_SECRET_KEY is set.',
    ])
  })

  it('note nothing about an alias with the same value', () => {
    assert.deepEqual(readConfig({ PORT: '8080', API_PORT: '8080', HOST: '::', API_HOST: '' }).notes, [])
  })

  it('note a secret that is a placeholder, under the name that is used', () => {
    const placeholders = [
      'change-me-change-me-change-me-change-me',
      'CHANGEME0123456789abcdef0123456789',
      'your-secret-here-at-least-32-characters',
      'better-auth-secret-12345678901234567890',
      'a very long example of a shared secret',
      '<at least 32 characters, from openssl>',
      '0'.repeat(64),
      '12345'.repeat(8),
    ]
    for (const value of placeholders) {
      const { notes, secret: read } = readConfig({ SECRET_KEY: value })
      assert.equal(read, value)
      assert.match(notes.join('\n'), /^SECRET_KEY looks like a placeholder\. .* `openssl rand -base64 32`\.$/)
      assert.ok(!notes.join().includes(value))
      assert.equal(readConfig({ BETTER_AUTH_SECRET: secret, BETTER_AUTH_SECRET_ALSO: value }).notes.length, 1)
    }
  })

  it('note nothing about random secrets', () => {
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      for (let n = 0; n < 1000; n += 1)
        assert.deepEqual(readConfig({ BETTER_AUTH_SECRET: randomBytes(24).toString(encoding) }).notes, [])
  })

  it('repeat no secret in notes', () => {
    const { notes } = readConfig({ BETTER_AUTH_SECRET: secret, JWT_SECRET: `other ${secret}` })
    assert.equal(notes.length, 1)
    assert.ok(!notes.join().includes(secret))
  })
})

describe('an invalid setting', () => {
  const cases: readonly (readonly [name: string, values: readonly string[], fix: string])[] = [
    [
      'PORT',
      ['65536', '-1', '80.5', '8e3', '0x50', 'http', '8000 8001', '1234567890', '٨٠'],
      'must be a whole number from 0 to 65535, such as 8000.',
    ],
    [
      'METRICS_PORT',
      ['8000'],
      'must differ from PORT. Set another port, such as 9464, or METRICS_TOKEN alone.',
    ],
    ['DATABASE_POOL', ['0', '1001', 'many', '-3'], 'must be a whole number from 1 to 1000, such as 20.'],
    ['SHUTDOWN_GRACE', ['-1', '301', '2.5'], 'must be a whole number from 0 to 300, such as 3.'],
    [
      'MAX_STORAGE',
      ['0', '256', '4095', '256MB', '1.5GiB', '-1', 'much', 'MiB', '999999999GiB'],
      'must be at least 4096 bytes: a number, optionally with KiB, MiB or GiB, such as 256MiB.',
    ],
    [
      'WEBHOOK_PRIVATE_NETWORKS',
      ['10.0.0.0/33', 'loopback', 'example.com', '10.0.0.0/8;::1', 'fe80::1%eth0', '10.0.0.0/8/8'],
      'must be addresses or CIDR ranges, separated by commas, such as 10.0.0.0/8,fd00::/8.',
    ],
    ['HISTORY_DAYS', ['0', '36501', '1.5'], 'must be a whole number from 1 to 36500, such as 30.'],
    ['TRASH_DAYS', ['0', '36501', '1.5'], 'must be a whole number from 1 to 36500, such as 30.'],
    [
      'CONTRACT',
      ['todos', 'v1', 'Task-API', 'task-api,todo-app'],
      'must be one of task-api, stage-2, todo-app.',
    ],
    [
      'CONTRACT_OPTIONS',
      ['Counts', 'counts,wraped-task', 'counts defaults'],
      'must be one or more of bare-list, whole-list, delete-body, wrapped-task, counts, defaults, error-object, separated by commas.',
    ],
    [
      'LOG_LEVEL',
      ['INFO', 'verbose', '30'],
      'must be one of fatal, error, warn, info, debug, trace, silent.',
    ],
    ['DATA_SYNC', ['false', 'OFF', '0'], 'must be one of on, off.'],
    ['DATABASE_POOLER', ['session', 'true'], 'must be one of none, transaction.'],
    [
      'DATABASE_URL',
      ['mysql://localhost/tasks', 'localhost:5432', 'tasks'],
      'write it as postgres://user:password@host:5432/database.',
    ],
    [
      'DATABASE_URL',
      [`${database}?sslmode=prefer`],
      'sslmode="prefer" in it must be one of disable, require, no-verify, verify-ca, verify-full.',
    ],
    [
      'BETTER_AUTH_SECRET',
      ['x'.repeat(31), ` ${'x'.repeat(31)} `, '🔑'.repeat(31)],
      'must have at least 32 characters. Generate it with `openssl rand -base64 32`.',
    ],
    [
      'JWKS_URL',
      [
        'app.example.com/jwks',
        '/api/auth/jwks',
        'ftp://app.example.com/jwks',
        'file:///jwks.json',
        'https://',
      ],
      'must be an absolute URL, such as https://app.example.com/api/auth/jwks.',
    ],
    [
      'CORS_ORIGINS',
      [',', 'localhost:3000', 'null', 'https://a.example.com, *', '*.example.com', 'ftp://a.example.com'],
      'must be a comma-separated list of origins such as https://app.example.com, capacitor://localhost or https://*.example.app (one label), or `*` alone.',
    ],
  ]

  for (const [name, values, fix] of cases) {
    for (const value of values) {
      it(`is rejected with its fix: ${name}=${value}`, () => {
        const [problem = '', ...others] = problemsOf({ [name]: value })
        assert.deepEqual(others, [])
        assert.ok(problem.includes(`: ${fix}`), problem)
        const isHidden = /SECRET|URL/.test(name)
        if (!isHidden) assert.ok(problem.startsWith(`${name}=${JSON.stringify(value)}`), problem)
      })
    }
  }

  it('is reported under the name by which it was set', () => {
    const [problem] = problemsOf({ PORT: '', API_PORT: 'eighty' })
    assert.equal(problem, 'API_PORT="eighty": must be a whole number from 0 to 65535, such as 8000.')
  })

  const shown: readonly (readonly [name: string, value: string, problem: RegExp])[] = [
    ['LOG_LEVEL', 'INFO', /^LOG_LEVEL="INFO": must be one of .*\. Did you mean info\?$/],
    ['CONTRACT', 'todoapp', /^CONTRACT="todoapp": .* Did you mean todo-app\?$/],
    [
      'CONTRACT_OPTIONS',
      'counts,wraped-task',
      /^\w+="counts,wraped-task" \(entry "wraped-task"\): .*wrapped-task\?$/,
    ],
    [
      'CORS_ORIGINS',
      'https://a.test, null',
      /^CORS_ORIGINS="https:\/\/a\.test, null" \(entry "null"\): must/,
    ],
    [
      'JWT_ALGORITHM',
      'HS256,none',
      /^JWT_ALGORITHM="HS256,none" \(entry "none"\): must be one or more of HS256/,
    ],
    ['CONTRACT', 'x'.repeat(100), /^CONTRACT="x{60}…": must/],
    ['CONTRACT', 'a\u202eb\u009bc', /^CONTRACT="a\\u\{202e\}b\\u\{9b\}c": must/],
    [
      'DATABASE_URL',
      'mysql://root:hunter2@db:3306/x?a=b',
      /^DATABASE_URL="mysql:\/\/\*{3}@db:3306\/x\?\*{3}": write/,
    ],
    ['DATABASE_URL', 'postgres://root:hun@ter2/x@db/x', /^DATABASE_URL="postgres:\/\/\*{3}@db\/x": write/],
    ['DATABASE_URL', 'postgres://root:hunter2', /^DATABASE_URL: /],
    ['DATABASE_URL', 'postgres://root:p?hunter2@db/x', /^DATABASE_URL: /],
    [
      'DATABASE_URL',
      'postgres://db/x?password=a&hunter2',
      /^DATABASE_URL="postgres:\/\/db\/x\?\*{3}": a parameter: remove/,
    ],
    ['DATABASE_URL', 'host=db password=hunter2', /^DATABASE_URL: /],
    ['SMTP_URL', 'http://root:hunter2@mail.test', /^SMTP_URL="http:\/\/\*{3}@mail\.test": must/],
    ['REDIS_URL', 'root:hunter2@redis', /^REDIS_URL: must/],
    ['PUBLIC_URL', 'ftp://a.test', /^PUBLIC_URL="ftp:\/\/a\.test": must/],
    [
      'JWKS_URL',
      'https://a:hunter2@keys.test/jwks',
      /^JWKS_URL="https:\/\/\*{3}@keys\.test\/jwks": must not/,
    ],
    ['METRICS_TOKEN', 'hunter2', /^METRICS_TOKEN: must have/],
    ['BETTER_AUTH_SECRET_ALSO', 'hunter2', /^BETTER_AUTH_SECRET_ALSO: must have/],
  ]
  for (const [name, value, problem] of shown) {
    it(`is reported with its value unless it is secret: ${name}=${value}`, () => {
      const [said = ''] = problemsOf({ [name]: value })
      assert.match(said, problem)
      assert.doesNotMatch(said, /hun|ter2/)
    })
  }

  it('is reported together with the warnings about misspelt names', () => {
    const notes = ['PROT is not a setting of Duly. Did you mean PORT?']
    assert.throws(
      () => readConfig({ LOG_LEVEL: 'loud' }, notes),
      /Invalid settings:\n {2}- LOG_LEVEL="loud": [^\n]+\nWarnings:\n {2}- PROT is not a setting of Duly/,
    )
  })

  it('is reported together with all others, without secrets', () => {
    const broken = {
      PORT: '99999',
      DATABASE_URL: 'postgres://u-alice:pw-tiger@h-db/tasks?sslmode=m-maybe',
      DATABASE_POOL: '5000',
      DATABASE_POOLER: 'v-statement',
      JWT_SECRET: 'short-and-known',
      JWT_ALGORITHM: 'v-none',
      JWKS_URL: 'ftp://u-bob:pw-lion@h-keys/jwks',
      CONTRACT: 'v-todos',
      CONTRACT_OPTIONS: 'v-wraped-task',
      CORS_ORIGINS: 'v-origin',
      LOG_LEVEL: 'v-loud',
      DATA_SYNC: 'v-perhaps',
      SHUTDOWN_GRACE: 'v-long',
      TRASH_DAYS: '40000',
    }
    const names = problemsOf(broken).map(line => line.split(/[=:]/)[0])
    assert.deepEqual(names.sort(), Object.keys(broken).sort())
    const shown = inspect(refusal(broken), { depth: 10, showHidden: true })
    for (const value of ['u-alice', 'pw-tiger', 'short-and-known', 'u-bob', 'pw-lion']) {
      assert.ok(!shown.includes(value), `${value} is repeated`)
    }
  })

  it('is reported once: an invalid JWKS_URL does not make JWT_ALGORITHM invalid', () => {
    const problems = problemsOf({ JWKS_URL: 'app.example.com/jwks', JWT_ALGORITHM: 'EdDSA' })
    assert.deepEqual(problems, [
      'JWKS_URL="app.example.com/jwks": must be an absolute URL, such as https://app.example.com/api/auth/jwks. Separate several with commas.',
    ])
  })
})

describe('JWKS_URL', () => {
  it('is rejected if it contains a password, which is not repeated', () => {
    const [problem, ...others] = problemsOf({ JWKS_URL: 'https://u-alice:pw-tiger@app.example.com/jwks' })
    assert.deepEqual(others, [])
    assert.match(problem ?? '', /^JWKS_URL="https:.*: must not contain a user name/)
    assert.doesNotMatch(problem ?? '', /pw-tiger/)
  })
})

describe('a setting at its limit', () => {
  const cases: readonly (readonly [
    name: string,
    text: string,
    shown: (config: Config) => unknown,
    unknown,
  ])[] = [
    ['PORT', '0', config => config.port, 0],
    ['PORT', '65535', config => config.port, 65_535],
    ['DATABASE_POOL', '1', config => config.databasePool, 1],
    ['DATABASE_POOL', '1000', config => config.databasePool, 1000],
    ['RATE_LIMIT', '1/1', config => config.rateLimit, { perSecond: 1, burst: 1 }],
    ['RATE_LIMIT', 'off', config => config.rateLimit, undefined],
    ['RATE_LIMIT', '100000/100000', config => config.rateLimit, { perSecond: 100_000, burst: 100_000 }],
    ['REDIS_URL', 'redis://localhost', config => config.redis, 'redis://localhost'],
    ['REDIS_URL', 'redis://:p%40ss@[::1]:6379/', config => config.redis, 'redis://:p%40ss@[::1]:6379/'],
    ['MAX_TASKS', '1', config => config.maxTasks, 1],
    ['MAX_TASKS', '999999999', config => config.maxTasks, 999_999_999],
    ['MAX_STORAGE', '4096', config => config.maxStorage, 4096],
    ['MAX_STORAGE', '512KiB', config => config.maxStorage, 524_288],
    ['MAX_STORAGE', '2 gib', config => config.maxStorage, 2_147_483_648],
    ['SHUTDOWN_GRACE', '0', config => config.shutdownGrace, 0],
    ['SHUTDOWN_GRACE', '300', config => config.shutdownGrace, 300],
    ['TRASH_DAYS', '1', config => config.trashDays, 1],
    ['TRASH_DAYS', '36500', config => config.trashDays, 36_500],
    ['BETTER_AUTH_SECRET', 'x'.repeat(32), config => config.secret, 'x'.repeat(32)],
    ['BETTER_AUTH_SECRET', '🔑'.repeat(32), config => config.secret, '🔑'.repeat(32)],
    ['JWKS_URL', 'http://127.0.0.1:3000/jwks', config => config.remoteIssuers[0]?.url.port, '3000'],
    ['CORS_ORIGINS', '*', config => config.corsOrigins, '*'],
    [
      'CORS_ORIGINS',
      ' https://A.example.com/ ,, http://localhost:3000/app?x=1, https://b.example.com:443',
      config => config.corsOrigins,
      ['https://a.example.com', 'http://localhost:3000', 'https://b.example.com'],
    ],
    [
      'CORS_ORIGINS',
      'capacitor://localhost, https://*.example.app, capacitor://localhost/',
      config => config.corsOrigins,
      ['capacitor://localhost', 'https://*.example.app'],
    ],
    ['HOST', '0.0.0.0', config => config.corsOrigins, ['http://localhost:3000']],
    ['HOST', '192.168.0.127', config => config.corsOrigins, ['http://localhost:3000']],
    ['HOST', '::1', config => config.corsOrigins.length, 8],
    ['HOST', 'localhost', config => config.corsOrigins.length, 8],
    ['HOST', '127.1.2.3', config => config.corsOrigins.length, 8],
  ]
  for (const [name, text, shown, value] of cases) {
    it(`is accepted: ${name}=${text}`, () => {
      assert.deepEqual(shown(readConfig({ [name]: text })), value)
    })
  }
})

describe('the accepted algorithms', () => {
  const all = [...hmacAlgorithms, ...publicKeyAlgorithms]
  const cases: readonly (readonly [name: string, env: Env, algorithms: readonly string[]])[] = [
    ['embedded: HMAC, with the stored secret', {}, hmacAlgorithms],
    ['embedded with a secret: HMAC', { BETTER_AUTH_SECRET: secret }, hmacAlgorithms],
    ['embedded with a remote issuer: all', { JWKS_URL: jwks }, all],
    ['DATABASE_URL and a secret: HMAC', { DATABASE_URL: database, SECRET_KEY: secret }, hmacAlgorithms],
    [
      'DATABASE_URL and a remote issuer: those of public keys',
      { DATABASE_URL: database, JWKS_URL: jwks },
      publicKeyAlgorithms,
    ],
    [
      'DATABASE_URL, a secret and a remote issuer: all',
      { DATABASE_URL: database, BETTER_AUTH_SECRET: secret, JWKS_URL: jwks },
      all,
    ],
    ['DATABASE_URL alone: none', { DATABASE_URL: database }, []],
    ['narrowed to several', { JWT_ALGORITHM: ' HS512 ,HS256,' }, ['HS256', 'HS512']],
    ['narrowed to one, named twice', { JWT_ALGORITHM: 'HS256,HS256' }, ['HS256']],
    ['narrowed through the alias', { ALGORITHM: 'HS256' }, ['HS256']],
    ['narrowed to one of each kind', { JWKS_URL: jwks, JWT_ALGORITHM: 'EdDSA,HS256' }, ['HS256', 'EdDSA']],
    ['narrowed to others than HMAC', { JWKS_URL: jwks, JWT_ALGORITHM: 'ES256' }, ['ES256']],
    ['narrowed to HMAC beside a remote issuer', { JWKS_URL: jwks, JWT_ALGORITHM: 'HS256' }, ['HS256']],
    ['narrowed to one without a key and one with', { JWT_ALGORITHM: 'HS256,RS256' }, ['HS256']],
  ]
  for (const [name, env, algorithms] of cases) {
    it(`are, ${name}`, () => {
      assert.deepEqual(readConfig(env).algorithms, algorithms)
    })
  }

  for (const alg of all) {
    it(`can be narrowed to ${alg} alone`, () => {
      assert.deepEqual(readConfig({ JWKS_URL: jwks, JWT_ALGORITHM: alg }).algorithms, [alg])
    })
  }

  for (const value of ['none', 'hs256', 'HS256,none', 'HS256 HS384', ',', 'constructor', 'ES256K']) {
    it(`are never "${value}"`, () => {
      const [problem = '', ...others] = problemsOf({ JWKS_URL: jwks, JWT_ALGORITHM: value })
      assert.deepEqual(others, [])
      assert.ok(problem.endsWith(`: must be one or more of ${all.join(', ')}, separated by commas.`), problem)
    })
  }

  it('accept as JWT_USER_CLAIM only a claim that identifies users', () => {
    for (const claim of ['sub', 'email', 'user.id', 'https://example.com/user_id', 'größe']) {
      assert.equal(readConfig({ JWT_USER_CLAIM: claim }).userClaim, claim)
    }
    for (const claim of ['a b', 'sub,id', '.id', 'user.', 'user..id', 'x'.repeat(256)]) {
      assert.deepEqual(problemsOf({ JWT_USER_CLAIM: claim }), [
        `JWT_USER_CLAIM=${quote(claim)}: must be the name of one claim, such as sub or user.id.`,
      ])
    }
    for (const claim of ['iss', 'aud', 'exp', 'nbf', 'iat', 'jti']) {
      assert.deepEqual(problemsOf({ JWT_USER_CLAIM: claim }), [
        `JWT_USER_CLAIM="${claim}": identifies no user. Use a claim such as sub or user.id.`,
      ])
    }
  })

  it('report an invalid claim and an invalid clock skew together', () => {
    const problems = problemsOf({ JWT_USER_CLAIM: 'a b', JWT_CLOCK_SKEW: '-1' })
    assert.deepEqual(problems, [
      'JWT_USER_CLAIM="a b": must be the name of one claim, such as sub or user.id.',
      'JWT_CLOCK_SKEW="-1": must be a whole number from 0 to 3600, such as 30.',
    ])
  })

  const keyless: readonly (readonly [name: string, env: Env])[] = [
    ['RS256 without a remote issuer', { JWT_ALGORITHM: 'RS256' }],
    ['EdDSA with a secret alone', { BETTER_AUTH_SECRET: secret, JWT_ALGORITHM: 'EdDSA' }],
    ['HS256 without a secret', { DATABASE_URL: database, JWKS_URL: jwks, JWT_ALGORITHM: 'HS256' }],
    ['anything without any key', { DATABASE_URL: database, JWT_ALGORITHM: 'HS256,ES256' }],
  ]
  for (const [name, env] of keyless) {
    it(`cannot be narrowed to ${name}`, () => {
      assert.deepEqual(problemsOf(env), [
        `JWT_ALGORITHM="${env.JWT_ALGORITHM}": no key supports these algorithms. HS… needs BETTER_AUTH_SECRET, the others need JWKS_URL.`,
      ])
    })
  }

  it('are noted if there are none', () => {
    const note = 'No token can be accepted, so every request returns 401. Set BETTER_AUTH_SECRET or JWKS_URL.'
    const accounts = 'Accounts are off, because BETTER_AUTH_SECRET is not set.'
    assert.deepEqual(readConfig({ DATABASE_URL: database }).notes, [note, accounts])
    assert.deepEqual(readConfig({ DATABASE_URL: database, JWKS_URL: jwks }).notes, [accounts])
    assert.deepEqual(readConfig({ DATABASE_URL: database, JWKS_URL: jwks, ACCOUNTS: 'off' }).notes, [])
    assert.deepEqual(readConfig({ DATABASE_URL: database, JWT_SECRET: secret }).notes, [])
  })
})

describe('providers', () => {
  for (const [name, shown] of [
    ['GITHUB', (env: Record<string, string>) => readConfig(env).github],
    ['GOOGLE', (env: Record<string, string>) => readConfig(env).google],
  ] as const) {
    it(`${name} is enabled by an id and a secret`, () => {
      const env = { [`${name}_CLIENT_ID`]: ' id ', [`${name}_CLIENT_SECRET`]: 'hidden' }
      assert.deepEqual(shown(env), { clientId: 'id', clientSecret: 'hidden' })
      assert.equal(shown({ [`${name}_CLIENT_ID`]: ' ' }), undefined)
    })

    it(`${name} is rejected with only one of the two`, () => {
      for (const half of ['CLIENT_ID', 'CLIENT_SECRET']) {
        assert.throws(
          () => readConfig({ [`${name}_${half}`]: 'hidden-1' }),
          (error: Error) => {
            assert.match(error.message, new RegExp(`${name}_CLIENT_`))
            assert.doesNotMatch(error.message, /hidden-1/)
            return true
          },
        )
      }
    })
  }
})

describe('other issuers', () => {
  const urls = `${jwks}, https://b.example.com/jwks`

  it('each have their own rules, in the same order', () => {
    const { remoteIssuers } = readConfig({ JWKS_URL: urls, JWT_ISSUER: 'a,b', JWT_AUDIENCE: 'x' })
    assert.deepEqual(
      remoteIssuers.map(({ url, rules }) => [url.href, rules]),
      [
        [jwks, { issuers: ['a'], audiences: ['x'] }],
        ['https://b.example.com/jwks', { issuers: ['b'], audiences: ['x'] }],
      ],
    )
  })

  it('share a single rule', () => {
    const { remoteIssuers } = readConfig({ JWKS_URL: urls, JWT_ISSUER: 'a' })
    assert.deepEqual(
      remoteIssuers.map(({ rules }) => rules.issuers),
      [['a'], ['a']],
    )
  })

  it('are rejected with more rules than issuers', () => {
    assert.throws(
      () => readConfig({ JWKS_URL: urls, JWT_ISSUER: 'a,b,c' }),
      /JWT_ISSUER="a,b,c": must name one issuer, .* or 2/,
    )
  })
})

describe('a proxy in front', () => {
  const cases: readonly [string, number | string[]][] = [
    ['none', 0],
    ['1', 1],
    ['10.0.0.1', ['10.0.0.1']],
    ['fd00::/8, loopback', ['fd00::/8', 'loopback']],
  ]
  for (const [text, trusted] of cases) {
    it(`may be ${text}`, () => assert.deepEqual(readConfig({ TRUST_PROXY: text }).trustProxy, trusted))
  }
  for (const text of [
    'yes',
    'true',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    'proxy.example.com',
    ',',
    '::1/129',
    '-1',
  ]) {
    it(`may not be ${text}`, () =>
      assert.throws(() => readConfig({ TRUST_PROXY: text }), /TRUST_PROXY=.*: must be none/))
  }
  for (const text of [
    'https://a.example.com/a b',
    'https://a.example.com/a;b',
    'https://a.example.com/a//b',
    'https://a.example.com/a?b=c',
    'https://a.example.com/#a',
    'https://a.example.com/api',
    'https://a.example.com/api/auth',
    'https://a.example.com/duly/api/auth/',
    'https://a.example.com/docs/x',
    'ftp://a.example.com',
    'a.example.com',
    'https://a:b@c.example',
  ]) {
    it(`may not be reached at ${text}`, () =>
      assert.throws(() => readConfig({ PUBLIC_URL: text }), /PUBLIC_URL=?.*: must/))
  }
})

describe('PUBLIC_URL', () => {
  it('may have a path, with or without a trailing slash', () => {
    for (const text of [
      'https://Example.org/duly',
      'https://example.org/duly/',
      'https://example.org:443/duly',
    ])
      assert.equal(readConfig({ PUBLIC_URL: text }).publicUrl?.href, 'https://example.org/duly')
    for (const path of ['/apis', '/apps/tasks', '/~ann/t.1'])
      assert.equal(basePath(readConfig({ PUBLIC_URL: `http://x.test${path}` }).publicUrl), path)
    assert.equal(basePath(readConfig({ PUBLIC_URL: 'http://x.test/' }).publicUrl), '')
  })
})

describe('the environment', () => {
  const home = process.cwd()
  const folder = mkdtempSync(join(tmpdir(), 'duly-env-'))
  before(() => process.chdir(folder))
  after(() => {
    process.chdir(home)
    delete process.env.DULY_TEST_A
    delete process.env.DULY_TEST_B
    rmSync(folder, { recursive: true })
  })

  it('consists of flags, then the process environment, then .env', () => {
    process.env.DULY_TEST_A = 'process'
    process.env.DULY_TEST_B = 'process'
    assert.equal(readEnv().DULY_TEST_A, 'process')
    assert.equal(readEnv().DULY_TEST_C, undefined)
    writeFileSync(join(folder, '.env'), '# a comment\nDULY_TEST_A=file\nDULY_TEST_C="in the file"\n')
    const env = readEnv({ DULY_TEST_B: 'flag', DULY_TEST_A: undefined })
    assert.deepEqual([env.DULY_TEST_A, env.DULY_TEST_B, env.DULY_TEST_C], ['process', 'flag', 'in the file'])
  })
})
