import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { type PostgresAddress, parseDatabaseUrl } from '../db/database-url.ts'
import { exit, StartError } from '../errors.ts'
import type { Rate } from '../limits/rate.ts'
import { developmentOrigins, readOrigin } from '../origins.ts'
import { readEnvFile } from './env-file.ts'
import { misspelt, strangeValues } from './misspelt.ts'

/** One row of the settings table: what `duly start --help` prints and what the README lists. */
export interface Setting {
  readonly name: string
  /** Names that existing deployments use for the same thing; the first one that is set wins. */
  readonly aliases: readonly string[]
  readonly fallback: string
  readonly meaning: string
}

const setting = (name: string, fallback: string, meaning: string, aliases: string[] = []): Setting => ({
  name,
  aliases,
  fallback,
  meaning,
})

export const settings: readonly Setting[] = [
  setting('HOST', '127.0.0.1', 'Address to listen on; `0.0.0.0` for all interfaces.', ['API_HOST']),
  setting('PORT', '8000', 'Port to listen on.', ['API_PORT']),
  setting('DATABASE_URL', 'embedded', 'URL of your PostgreSQL (14 or newer), as `postgres://…`.'),
  setting('DATA_DIR', './data', 'Directory of the embedded database and the generated secret.'),
  setting(
    'DATABASE_POOL',
    '20',
    'Maximum number of connections to PostgreSQL, in addition to two for searches.',
  ),
  setting('DATABASE_POOLER', 'none', '`transaction` behind a pooler in transaction mode, such as PgBouncer.'),
  setting(
    'BETTER_AUTH_SECRET',
    'embedded: generated once, stored in `DATA_DIR`',
    'Shared secret for HMAC tokens, at least 32 characters.',
    ['JWT_SECRET_KEY', 'JWT_SECRET', 'SECRET_KEY'],
  ),
  setting('JWT_ALGORITHM', 'all that the keys support', 'Accepted algorithms; comma-separated.', [
    'ALGORITHM',
  ]),
  setting('BETTER_AUTH_SECRET_ALSO', 'none', 'Second accepted secret, while you rotate the first.'),
  setting('JWKS_URL', 'none', 'URLs of the public keys (JWK Sets) of other issuers; comma-separated.', [
    'BETTER_AUTH_PUBLIC_KEY_URL',
  ]),
  setting(
    'JWT_ISSUER',
    'unchecked',
    'Required `iss` of tokens of other issuers: one for all, or one for each JWKS_URL, in the same order.',
  ),
  setting(
    'JWT_AUDIENCE',
    'unchecked',
    'Accepted values of `aud` in tokens of other issuers; comma-separated.',
  ),
  setting(
    'JWT_USER_CLAIM',
    'first of `sub`, `user_id`, `id`, `user.id`',
    "Claim that contains the user's id in tokens of other issuers: a name, or a path such as `user.id`.",
  ),
  setting('JWT_CLOCK_SKEW', '30', 'Seconds of tolerance for `nbf` and `iat`.'),
  setting(
    'PUBLIC_URL',
    '`http://localhost:` and the port',
    'Public URL of this server, such as `https://tasks.example.com` or, with a path, `https://example.org/duly`.',
    ['BETTER_AUTH_URL'],
  ),
  setting(
    'TRUST_PROXY',
    'none',
    'Trusted proxies: a hop count, or a comma-separated list of addresses or CIDR ranges.',
  ),
  setting('ACCOUNTS', 'on', '`off`: disable accounts, and accept only tokens of other issuers.'),
  setting('SIGN_UP', 'open', '`closed`: only `duly user add` can create accounts.'),
  setting(
    'SMTP_URL',
    'none',
    'SMTP server, as `smtp://user:password@host:port`. If unset, links are written to the log instead of emailed.',
  ),
  setting('MAIL_FROM', '`Duly <no-reply@…>` of PUBLIC_URL', 'Sender of emails.'),
  setting('GITHUB_CLIENT_ID', 'none', 'Enables sign-in with GitHub, together with GITHUB_CLIENT_SECRET.'),
  setting('GITHUB_CLIENT_SECRET', 'none', 'See GITHUB_CLIENT_ID.'),
  setting('GOOGLE_CLIENT_ID', 'none', 'Enables sign-in with Google, together with GOOGLE_CLIENT_SECRET.'),
  setting('GOOGLE_CLIENT_SECRET', 'none', 'See GOOGLE_CLIENT_ID.'),
  setting(
    'BREACHED_PASSWORDS',
    'none',
    'File with SHA-1 hashes of forbidden passwords: hexadecimal, sorted, one per line.',
  ),
  setting(
    'CONTRACT',
    'task-api',
    'Wire format of `/api/{user_id}/tasks`: `task-api`, `stage-2` or `todo-app`.',
  ),
  setting(
    'CORS_ORIGINS',
    'while HOST is loopback: `http://localhost` and `http://127.0.0.1` on ports 3000, 4200, 5173 and 8080; else `http://localhost:3000`',
    'Origins of your front ends, such as `https://app.example.com`, `capacitor://localhost` or `https://*.example.app` (one label); comma-separated, or `*`.',
    ['FRONTEND_URL'],
  ),
  setting('LOG_LEVEL', 'info', '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.'),
  setting(
    'DATA_SYNC',
    'on',
    '`off`: the embedded database is faster, but a power cut can lose the last writes.',
  ),
  setting('RATE_LIMIT', '100/200', 'Requests per user, as `per second/burst`; `off` for no limit.'),
  setting(
    'RATE_LIMIT_ADDRESS',
    '100/200',
    'Requests per address without a valid token, health checks excepted, in the same form.',
  ),
  setting(
    'REDIS_URL',
    'none',
    'Redis or Valkey for rate limits that all replicas share, as `redis://…` or `rediss://…`. If unset, each replica counts by itself.',
  ),
  setting('METRICS_PORT', 'none', 'Separate port for `/metrics`, on HOST.'),
  setting(
    'METRICS_TOKEN',
    'none',
    'Bearer token for `/metrics`, at least 16 characters. Without METRICS_PORT it enables `/metrics` on PORT.',
  ),
  setting(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'none',
    'Collector of traces (OTLP over HTTP), such as `http://localhost:4318`.',
  ),
  setting(
    'OTEL_EXPORTER_OTLP_HEADERS',
    'none',
    'Headers for the collector, as `name=value`; comma-separated, values percent-encoded.',
  ),
  setting('OTEL_SERVICE_NAME', 'duly', 'Name of this service in traces.'),
  setting(
    'OTEL_TRACES_SAMPLER_ARG',
    '1',
    'Share of requests to trace, from 0 to 1, unless a trusted proxy decides.',
  ),
  setting('MAX_TASKS', '100000', 'Maximum number of tasks per user.'),
  setting(
    'MAX_STORAGE',
    '256MiB',
    'Maximum storage per user over tasks, trash and idempotency keys: bytes, or with `KiB`, `MiB` or `GiB`.',
  ),
  setting(
    'SHUTDOWN_GRACE',
    '3',
    'Seconds after SIGTERM during which requests are still served and `/readyz` returns 503.',
  ),
  setting('TRASH_DAYS', '30', 'Days until a deleted task is removed permanently.'),
]

export const contracts = ['task-api', 'stage-2', 'todo-app'] as const
export type ContractName = (typeof contracts)[number]

export const hmacAlgorithms = ['HS256', 'HS384', 'HS512'] as const
export const publicKeyAlgorithms = [
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
] as const
export type Algorithm = (typeof hmacAlgorithms)[number] | (typeof publicKeyAlgorithms)[number]

/** Registered claims that say nothing about the user (RFC 7519, 4.1). */
const nobodysClaims = ['iss', 'aud', 'exp', 'nbf', 'iat', 'jti']

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

export interface Config {
  readonly host: string
  readonly port: number
  /** Absent: the embedded database in `dataDir`. */
  readonly postgres: PostgresAddress | undefined
  readonly dataDir: string
  readonly databasePool: number
  readonly secret: string | undefined
  readonly algorithms: readonly Algorithm[]
  /** A second secret that is accepted as well. */
  readonly secretAlso: string | undefined
  /** Issuers whose public keys are fetched. */
  readonly remoteIssuers: readonly RemoteIssuerAddress[]
  /** What HMAC tokens must carry. */
  readonly rules: ClaimRules
  /** The claim with the user's id in tokens of others; absent: the usual ones. */
  readonly userClaim: string | undefined
  /** Seconds of tolerance for `nbf` and `iat`. */
  readonly clockSkew: number
  /** Where this server is reached; absent: on the port at which it listens. */
  readonly publicUrl: URL | undefined
  /** Proxies whose word about who is calling is taken: how many, or which. */
  readonly trustProxy: number | readonly string[]
  readonly accounts: boolean
  readonly signUp: 'open' | 'closed'
  readonly smtp: string | undefined
  readonly mailFrom: string | undefined
  readonly github: ProviderClient | undefined
  readonly google: ProviderClient | undefined
  readonly breachedPasswords: string | undefined
  readonly contract: ContractName
  readonly corsOrigins: readonly string[] | '*'
  readonly logLevel: (typeof logLevels)[number]
  readonly dataSync: boolean
  /** Calls that each user may make; absent: any number. */
  readonly rateLimit: Rate | undefined
  /** Calls without a good token that each address may make; absent: any number. */
  readonly rateLimitAddress: Rate | undefined
  /** Where calls are counted for all replicas together. */
  readonly redis: string | undefined
  readonly metrics: MetricsConfig | undefined
  readonly traces: TracesConfig | undefined
  /** Tasks that one user can have. */
  readonly maxTasks: number
  /** Bytes that one user can store: tasks, trash and idempotency keys. */
  readonly maxStorage: number
  /** Seconds. */
  readonly shutdownGrace: number
  readonly trashDays: number
  /** Sentences for the log: what was ignored, and what will not work as set up. */
  readonly notes: readonly string[]
}

/** What a token's claims must be. */
export interface ClaimRules {
  /** One of these; any where there is none. */
  readonly issuers: readonly string[]
  /** One of these at least; any where there is none. */
  readonly audiences: readonly string[]
}

export interface RemoteIssuerAddress {
  readonly url: URL
  readonly rules: ClaimRules
}

/** How a provider such as GitHub knows this server. */
export interface ProviderClient {
  readonly clientId: string
  readonly clientSecret: string
}

/** One of them at least. */
export interface MetricsConfig {
  readonly port: number | undefined
  readonly token: string | undefined
}

export interface TracesConfig {
  /** Of the collector, with the path. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly service: string
  /** From 0 to 1. */
  readonly share: number
}

const units: Readonly<Record<string, number>> = { kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 }
/** Less is a mistake, such as a number of mebibytes without the unit. */
const leastStorage = 4096

/** First segments of Duly's own paths: below one of them a proxy that strips a prefix and one that leaves it could not be told apart. */
const ownSegments = [
  'api',
  'auth',
  'docs',
  'health',
  'livez',
  'metrics',
  'openapi.json',
  'problems',
  'readyz',
]

/** The path of PUBLIC_URL, without a slash at its end; empty where it has none. */
export function basePath(publicUrl: URL | undefined): string {
  return publicUrl?.pathname.replace(/\/$/, '') ?? ''
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * The environment of the process, over the settings of `.env` in the current directory (or of ENV_FILE), under those of flags. Nothing else in the program reads the
 * environment of the process.
 * @param notes receives sentences about names and values that look like mistakes
 * @throws StartError where the file cannot be used
 */
export function environment(
  flags: Readonly<Record<string, string | undefined>> = {},
  notes: string[] = [],
): Env {
  const set = (values: Env) => Object.fromEntries(Object.entries(values).filter(([, value]) => value))
  const own = set(process.env)
  const named = own.ENV_FILE?.trim()
  const file = readEnvFile(named ?? '.env', named !== undefined)
  const names = ['ENV_FILE', ...settings.flatMap(({ name, aliases }) => [name, ...aliases])]
  notes.push(...file.notes, ...misspelt(own, file.values, names), ...strangeValues(own, names))
  return { ...file.values, ...own, ...set(flags) }
}

/** Whether the environment of the process sets one of these names, which another terminal does not have then. */
export function isInEnvironment(...names: string[]): boolean {
  return names.some(name => isSet(name, process.env))
}

/**
 * The settings, from an environment.
 * @param found notes about that environment, which come before those about the settings
 * @throws StartError (EX_CONFIG) that lists every mistake, each with its fix. No value of a secret or a URL is repeated.
 */
export function readConfig(env: Env, found: readonly string[] = []): Config {
  const problems: string[] = []
  const notes: string[] = [...found]
  const read = (name: string) => readSetting(name, env, notes)
  const problem = (name: string, fix: string) => {
    const used = usedName(name, env)
    problems.push(`${used}: ${fix}`)
    return undefined
  }
  const oneOf = <const T extends string>(name: string, values: readonly T[], fallback: T): T => {
    const value = read(name)
    if (value === undefined) return fallback
    const known = values.find(candidate => candidate === value)
    if (known === undefined) problem(name, `must be one of ${values.join(', ')}.`)
    return known ?? fallback
  }
  const integer = (name: string, min: number, max: number, fallback: number): number => {
    const value = read(name)
    if (value === undefined) return fallback
    if (/^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
    problem(name, `must be a whole number from ${min} to ${max}.`)
    return fallback
  }

  const pooler = oneOf('DATABASE_POOLER', ['none', 'transaction'], 'none')
  const databaseUrl = read('DATABASE_URL')
  const parsed =
    databaseUrl === undefined ? undefined : parseDatabaseUrl(databaseUrl, pooler === 'transaction', env)
  if (parsed && 'problem' in parsed) problem('DATABASE_URL', parsed.problem)
  const postgres = parsed && 'address' in parsed ? parsed.address : undefined

  const secret = readSecret('BETTER_AUTH_SECRET')
  const secretAlso = readSecret('BETTER_AUTH_SECRET_ALSO')

  const remoteIssuers = readRemoteIssuers()
  const hmac = secret !== undefined || databaseUrl === undefined
  if (!hmac && remoteIssuers.length === 0) {
    notes.push('No token can be accepted, so every request returns 401. Set BETTER_AUTH_SECRET or JWKS_URL.')
  }
  const accountsAsked = oneOf('ACCOUNTS', ['on', 'off'], 'on') === 'on'
  if (accountsAsked && !hmac) notes.push('Accounts are off, because BETTER_AUTH_SECRET is not set.')

  const config: Config = {
    host: readHost(),
    port: integer('PORT', 0, 65_535, 8000),
    postgres,
    dataDir: resolve(read('DATA_DIR') ?? './data'),
    databasePool: integer('DATABASE_POOL', 1, 1000, 20),
    secret,
    secretAlso,
    algorithms: readAlgorithms(hmac, read('JWKS_URL') !== undefined),
    remoteIssuers,
    rules: { issuers: splitList(read('JWT_ISSUER') ?? ''), audiences: splitList(read('JWT_AUDIENCE') ?? '') },
    userClaim: readUserClaim(),
    clockSkew: integer('JWT_CLOCK_SKEW', 0, 3600, 30),
    publicUrl: readPublicUrl(),
    trustProxy: readTrustProxy(),
    accounts: accountsAsked && hmac,
    signUp: oneOf('SIGN_UP', ['open', 'closed'], 'open'),
    smtp: readSmtp(),
    mailFrom: read('MAIL_FROM'),
    github: readProvider('GITHUB'),
    google: readProvider('GOOGLE'),
    breachedPasswords: read('BREACHED_PASSWORDS'),
    contract: oneOf('CONTRACT', contracts, 'task-api'),
    corsOrigins: readOrigins(),
    logLevel: oneOf('LOG_LEVEL', logLevels, 'info'),
    dataSync: oneOf('DATA_SYNC', ['on', 'off'], 'on') === 'on',
    rateLimit: readRate('RATE_LIMIT'),
    rateLimitAddress: readRate('RATE_LIMIT_ADDRESS'),
    redis: readRedis(),
    metrics: readMetrics(),
    traces: readTraces(),
    maxTasks: integer('MAX_TASKS', 1, 999_999_999, 100_000),
    maxStorage: readStorage(),
    shutdownGrace: integer('SHUTDOWN_GRACE', 0, 300, 3),
    trashDays: integer('TRASH_DAYS', 1, 36_500, 30),
    notes,
  }
  const metricsPort = config.metrics?.port
  // With 0 the system gives each another one.
  if (metricsPort === config.port && metricsPort > 0) {
    problem('METRICS_PORT', 'must differ from PORT. Set another port, or METRICS_TOKEN alone.')
  }
  if (problems.length > 0) {
    const list = problems.map(line => `  - ${line}`).join('\n')
    throw new StartError(`Invalid settings:\n${list}`, exit.config)
  }
  return config

  function readHost(): string {
    const value = read('HOST') ?? '127.0.0.1'
    const [, bracketed = value] = /^\[(.*)\]$/.exec(value) ?? []
    const [address = ''] = bracketed.split('%')
    const isName = /^(?=.{1,253}$)[a-z\d_]([\w-]*[a-z\d_])?(\.[a-z\d_]([\w-]*[a-z\d_])?)*\.?$/i.test(value)
    if (isIP(address) === 6 || isName) return bracketed
    problem(
      'HOST',
      'must be an address such as 127.0.0.1, ::1 or 0.0.0.0 (all interfaces), or a host name, without a port.',
    )
    return '127.0.0.1'
  }

  function readSecret(name: string): string | undefined {
    const value = read(name)
    if (value !== undefined && Array.from(value).length < 32) {
      problem(name, 'must have at least 32 characters. Generate it with `openssl rand -base64 32`.')
    }
    return value
  }

  function readRemoteIssuers(): RemoteIssuerAddress[] {
    const urls = splitList(read('JWKS_URL') ?? '').map(readKeysUrl)
    const issuers = splitList(read('JWT_ISSUER') ?? '')
    const audiences = splitList(read('JWT_AUDIENCE') ?? '')
    const paired = urls.length > 1 && issuers.length > 1
    if (paired && urls.length !== issuers.length) {
      problem('JWT_ISSUER', `must name one issuer, or ${urls.length} in the order of JWKS_URL.`)
    }
    return urls.flatMap((url, n) => {
      const own = paired ? issuers.slice(n, n + 1) : issuers
      return url ? [{ url, rules: { issuers: own, audiences } }] : []
    })
  }

  function readKeysUrl(value: string): URL | undefined {
    const url = webUrl(value)
    if (url && url.username === '' && url.password === '') return url
    if (url) return problem('JWKS_URL', 'must not contain a user name or a password.')
    return problem('JWKS_URL', 'must be an absolute URL, such as https://app.example.com/api/auth/jwks.')
  }

  function readUserClaim(): string | undefined {
    const value = read('JWT_USER_CLAIM')
    if (value === undefined) return undefined
    const isName = /^[^\s,\p{Cc}]{1,255}$/u.test(value) && !value.split('.').includes('')
    if (!isName) return problem('JWT_USER_CLAIM', 'must be the name of one claim, such as sub or user.id.')
    // The same in every token, or another in each: everybody would be one user, or nobody would find their tasks again.
    if (!nobodysClaims.includes(value)) return value
    return problem(
      'JWT_USER_CLAIM',
      `must not be ${value}, which identifies no user. Use a claim such as sub or user.id.`,
    )
  }

  function readPublicUrl(): URL | undefined {
    const value = read('PUBLIC_URL')
    if (value === undefined) return undefined
    const url = webUrl(value)
    const isPlain = url && url.username + url.password + url.search + url.hash === ''
    if (!isPlain || !/^(?:\/[\w.~-]+)*\/?$/.test(url.pathname)) {
      return problem(
        'PUBLIC_URL',
        'must be a URL such as https://tasks.example.com or https://example.org/duly, without query or fragment, with only letters, digits and -._~ in its path.',
      )
    }
    const base = basePath(url)
    const own = ownSegments.find(name => base.startsWith(`/${name}/`) || base === `/${name}`)
    if (own === undefined && !base.endsWith('/api/auth')) return new URL(url.origin + base)
    return problem(
      'PUBLIC_URL',
      `must not contain "/${own ?? 'api/auth'}", which is a route of Duly. Leave it out, or choose another path, such as https://example.org/duly.`,
    )
  }

  function readTrustProxy(): number | readonly string[] {
    const value = read('TRUST_PROXY') ?? 'none'
    if (value === 'none') return 0
    if (/^\d{1,2}$/.test(value)) return Number(value)
    const networks = splitList(value)
    const named = ['loopback', 'linklocal', 'uniquelocal']
    const wrong = networks.some(item => {
      const [address = '', bits, more] = item.split('/')
      const most = isIP(address) === 6 ? 128 : 32
      const fitting = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
      return !named.includes(item) && (isIP(address) === 0 || !fitting || more !== undefined)
    })
    if (wrong || networks.length === 0) {
      problem(
        'TRUST_PROXY',
        'must be none, a hop count, or a comma-separated list of addresses or CIDR ranges, such as 10.0.0.0/8.',
      )
    }
    return networks
  }

  function readSmtp(): string | undefined {
    const value = read('SMTP_URL')
    if (value === undefined) return undefined
    const url = URL.canParse(value) ? new URL(value) : undefined
    const known = url !== undefined && ['smtp:', 'smtps:'].includes(url.protocol) && url.hostname !== ''
    return known
      ? value
      : problem('SMTP_URL', 'must be a URL such as smtp://user:password@mail.example.com:587.')
  }

  function readRate(name: string): Rate | undefined {
    const value = read(name) ?? '100/200'
    if (value === 'off') return undefined
    const [perSecond = 0, burst = 0] = /^(\d{1,6})\/(\d{1,6})$/.exec(value)?.slice(1).map(Number) ?? []
    const isRate = [perSecond, burst].every(count => count >= 1 && count <= 100_000)
    if (!isRate)
      problem(name, 'must be off, or requests per second / burst, such as 100/200, each at most 100000.')
    return { perSecond, burst }
  }

  function readStorage(): number {
    const value = read('MAX_STORAGE') ?? '256MiB'
    const [, digits = '', unit = ''] = /^(\d{1,15})\s*([KMG]iB)?$/i.exec(value) ?? []
    const bytes = Number(digits) * (units[unit.toLowerCase()] ?? 1)
    const fits = digits !== '' && bytes >= leastStorage && bytes <= Number.MAX_SAFE_INTEGER
    if (!fits) {
      problem(
        'MAX_STORAGE',
        'must be at least 4096 bytes: a number, optionally with KiB, MiB or GiB, such as 256MiB.',
      )
    }
    return bytes
  }

  function readRedis(): string | undefined {
    const value = read('REDIS_URL')
    if (value === undefined) return undefined
    const url = URL.canParse(value) ? new URL(value) : undefined
    const isRedis = url !== undefined && ['redis:', 'rediss:'].includes(url.protocol) && url.hostname !== ''
    return isRedis && /^(\/\d{0,4})?$/.test(url.pathname) && isDecodable(url.username + url.password)
      ? value
      : problem('REDIS_URL', 'must be a URL such as redis://user:password@redis.example.com:6379/0.')
  }

  function readMetrics(): MetricsConfig | undefined {
    const token = read('METRICS_TOKEN')
    if (token !== undefined && !/^[\x21-\x7e]{16,}$/.test(token)) {
      problem('METRICS_TOKEN', 'must have at least 16 ASCII characters, without spaces.')
    }
    const port = read('METRICS_PORT') === undefined ? undefined : integer('METRICS_PORT', 0, 65_535, 0)
    return port === undefined && token === undefined ? undefined : { port, token }
  }

  function readTraces(): TracesConfig | undefined {
    const value = read('OTEL_EXPORTER_OTLP_ENDPOINT')
    if (value === undefined) return undefined
    const url = webUrl(value)
    if (!url) return problem('OTEL_EXPORTER_OTLP_ENDPOINT', 'must be a URL such as http://localhost:4318.')
    if (url.port === '4317') {
      notes.push(
        'OTEL_EXPORTER_OTLP_ENDPOINT: port 4317 is usually for gRPC. Traces are sent over HTTP, usually to port 4318.',
      )
    }
    // The path of traces comes behind that of the endpoint (OTLP exporter, endpoint URLs for OTLP/HTTP).
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`
    const share = Number(read('OTEL_TRACES_SAMPLER_ARG') ?? '1')
    if (!(share >= 0 && share <= 1)) problem('OTEL_TRACES_SAMPLER_ARG', 'must be a number from 0 to 1.')
    return { url, headers: readHeaders(), service: read('OTEL_SERVICE_NAME') ?? 'duly', share }
  }

  function readHeaders(): Record<string, string> {
    const pairs = splitList(read('OTEL_EXPORTER_OTLP_HEADERS') ?? '').map(pair => {
      const [, name = '', value = ''] = /^([\w-]+)\s*=(.*)$/.exec(pair) ?? []
      if (name === '' || !isDecodable(value)) {
        problem(
          'OTEL_EXPORTER_OTLP_HEADERS',
          'must be a comma-separated list of name=value. Percent-encode % and commas in values.',
        )
        return ['', '']
      }
      return [name, decodeURIComponent(value).trim()]
    })
    return Object.fromEntries(pairs)
  }

  function readProvider(name: 'GITHUB' | 'GOOGLE'): ProviderClient | undefined {
    const clientId = read(`${name}_CLIENT_ID`)
    const clientSecret = read(`${name}_CLIENT_SECRET`)
    if (clientId !== undefined && clientSecret !== undefined) return { clientId, clientSecret }
    if (clientId !== undefined)
      problem(`${name}_CLIENT_SECRET`, `is required with ${name}_CLIENT_ID. Set both or neither.`)
    if (clientSecret !== undefined)
      problem(`${name}_CLIENT_ID`, `is required with ${name}_CLIENT_SECRET. Set both or neither.`)
    return undefined
  }

  function readAlgorithms(hmacKey: boolean, publicKeys: boolean): Algorithm[] {
    const fitting: Algorithm[] = [
      ...(hmacKey ? hmacAlgorithms : []),
      ...(publicKeys ? publicKeyAlgorithms : []),
    ]
    const value = read('JWT_ALGORITHM')
    if (value === undefined) return fitting
    const asked = splitList(value)
    const known: readonly string[] = [...hmacAlgorithms, ...publicKeyAlgorithms]
    const unknown = asked.filter(name => !known.includes(name))
    if (unknown.length > 0 || asked.length === 0) {
      problem('JWT_ALGORITHM', `must be one or more of ${known.join(', ')}.`)
      return fitting
    }
    const narrowed = fitting.filter(name => asked.includes(name))
    if (narrowed.length === 0) {
      problem(
        'JWT_ALGORITHM',
        'no key supports these algorithms. HS… needs BETTER_AUTH_SECRET, the others need JWKS_URL.',
      )
    }
    return narrowed
  }

  function readOrigins(): readonly string[] | '*' {
    const value = read('CORS_ORIGINS')
    if (value === undefined) return isLoopback(read('HOST')) ? developmentOrigins : ['http://localhost:3000']
    if (value === '*') return '*'
    const origins = splitList(value).map(readOrigin)
    if (origins.length === 0 || origins.includes(undefined)) {
      problem(
        'CORS_ORIGINS',
        'must be a comma-separated list of origins such as https://app.example.com, capacitor://localhost or https://*.example.app (one label), or `*` alone.',
      )
    }
    return [...new Set(origins.filter(origin => origin !== undefined))]
  }
}

function namesOf(name: string): readonly string[] {
  return [name, ...(settings.find(row => row.name === name)?.aliases ?? [])]
}

// An empty variable counts as unset: that is how compose files and dashboards hand on what nobody filled in.
function isSet(name: string, env: Env): boolean {
  return env[name] !== undefined && env[name].trim() !== ''
}

function usedName(name: string, env: Env): string {
  return namesOf(name).find(candidate => isSet(candidate, env)) ?? name
}

function readSetting(name: string, env: Env, notes: string[]): string | undefined {
  const set = namesOf(name).filter(candidate => isSet(candidate, env))
  const [used, ...ignored] = set
  if (used === undefined) return undefined
  for (const other of ignored) {
    if (env[other] !== env[used]) notes.push(`${other} is ignored, because ${used} is set.`)
  }
  return env[used]?.trim()
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function isLoopback(host = '127.0.0.1'): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|(?:0*:)*:?0*1)$/i.test(host)
}

function webUrl(value: string): URL | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined
}

function splitList(value: string): string[] {
  return value
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}
