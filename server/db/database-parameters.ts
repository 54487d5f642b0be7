/** A parameter of a database URL, or the environment variable used in its place. */
export interface Parameter {
  /** The name as it was written, for messages. */
  readonly written: string
  readonly value: string
}

/** Parameters that `parseDatabaseUrl` supports. */
const honoured = [
  'application_name',
  'channel_binding',
  'connect_timeout',
  'dbname',
  'fallback_application_name',
  'host',
  'options',
  'password',
  'pgbouncer',
  'port',
  'ssl',
  'ssl_min_protocol_version',
  'sslmode',
  'sslnegotiation',
  'sslrootcert',
  'user',
] as const
export type Honoured = (typeof honoured)[number]

const isHonoured = (name: string): name is Honoured => honoured.some(known => known === name)

/** Values that ask for what Duly does anyway. */
const harmless: Readonly<Record<string, readonly string[]>> = {
  adapter: ['postgres', 'postgresql'],
  charset: ['utf8', 'utf-8', 'unicode'],
  client_encoding: ['utf8', 'utf-8', 'unicode', 'auto'],
  encoding: ['utf8', 'utf-8', 'unicode'],
  gssencmode: ['disable', 'prefer'],
  keepalive: ['true', '1'],
  keepalives: ['1'],
  load_balance_hosts: ['disable'],
  loadbalancehosts: ['false'],
  prepared_statements: ['true'],
  replication: ['false', 'off', 'no', '0'],
  sslcertmode: ['disable', 'allow'],
  sslcompression: ['0'],
  sslsni: ['1'],
  target_session_attrs: ['any', 'read-write', 'primary'],
  targetservertype: ['any', 'primary', 'master'],
  tcpkeepalive: ['true'],
  uselibpqcompat: ['true'],
}

const onPool = 'remove it, and set DATABASE_POOL instead.'
const onConnections = 'remove it: Duly manages its connections itself.'
const onTimeouts = 'remove it: Duly sets its own time-outs, 10 s for a statement.'
const onSchema = 'remove it: the tables of Duly are in the schema "duly".'
const onStatements = 'remove it; behind a pooler in transaction mode add pgbouncer=true.'
const onPassword = 'remove it, and sign in with a password: nothing else is supported.'
const onSession = 'remove it: Duly sets it on every connection.'
const onHosts = 'remove it: Duly writes to one server, the one that the host names.'

const advice: Readonly<Record<string, string>> = {
  ...each(
    onPool,
    'connection_limit max max_connections max_overflow maximumpoolsize pool pool_max_conns pool_size',
  ),
  ...each(
    onConnections,
    `allowexitonidle checkout_timeout idle_timeout idletimeoutmillis keepaliveinitialdelaymillis keepalives keepalives_count
    keepalives_idle keepalives_interval max_connection_lifetime max_idle_connection_lifetime min min_connections
    pool_health_check_period pool_max_conn_idle_time pool_max_conn_lifetime pool_max_conn_lifetime_jitter pool_min_conns
    pool_pre_ping pool_recycle pool_timeout reaping_frequency single_use_connections tcp_user_timeout tcpkeepalive`,
  ),
  ...each(
    onTimeouts,
    `command_timeout idle_in_transaction_session_timeout lock_timeout query_timeout socket_timeout sockettimeout
    statement_timeout transaction_timeout idle_session_timeout`,
  ),
  ...each(
    'write connect_timeout, in seconds.',
    'connectiontimeoutmillis connecttimeout logintimeout timeout',
  ),
  ...each(onSchema, 'currentschema schema schema_search_path search_path'),
  ...each(
    onStatements,
    `binary_parameters binarytransfer default_query_exec_mode description_cache_capacity prefer_simple_protocol
    prepared_statement_cache_size prepared_statement_name_func prepared_statements preparedstatementcachequeries
    preparethreshold statement_cache_capacity statement_cache_size statement_limit`,
  ),
  ...each(
    onPassword,
    `gssdelegation gsslib krbsrvname oauth_client_id oauth_client_secret oauth_issuer oauth_scope require_auth requirepeer
    scram_client_key scram_server_key sslcert sslcertmode sslidentity sslkey sslpassword`,
  ),
  ...each(
    onSession,
    `bytea_output client_encoding charset datestyle default_transaction_isolation encoding extra_float_digits intervalstyle
    server_settings standard_conforming_strings timezone`,
  ),
  ...each(onHosts, 'load_balance_hosts loadbalancehosts target_session_attrs targetservertype'),
  applicationname: 'write application_name.',
  channelbinding: 'write channel_binding.',
  database: 'write the name behind the host: postgres://user:password@host:5432/database.',
  gssencmode: 'remove it: encryption by GSSAPI is not supported. Use sslmode.',
  hostaddr: 'write the address as the host, or leave it to DNS.',
  passfile: 'set the environment variable PGPASSFILE instead.',
  service: 'write the connection out in DATABASE_URL: service files are not read.',
  servicefile: 'write the connection out in DATABASE_URL: service files are not read.',
  ssl_max_protocol_version: 'remove it: the newest TLS version that both sides know is used.',
  sslaccept: 'write sslmode=verify-full (strict), or sslmode=no-verify (accept_invalid_certs).',
  sslcompression: 'remove it: compression is not supported.',
  sslcrl: 'remove it: revocation lists are not supported.',
  sslcrldir: 'remove it: revocation lists are not supported.',
  uselibpqcompat:
    'remove it: sslmode always means what libpq says. For what node-postgres does, write sslmode=verify-full.',
}

function each(text: string, names: string): Record<string, string> {
  return Object.fromEntries(names.split(/\s+/).map(name => [name, text]))
}

/** Own properties only: a parameter can be called `constructor`. */
function entryOf<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

const isKnown = (key: string) => isHonoured(key) || Object.hasOwn(advice, key) || Object.hasOwn(harmless, key)

/** What libpq reads from the environment if the URL lacks it. The driver reads PGPASSFILE. */
const variables: Readonly<Record<string, string>> = {
  PGAPPNAME: 'application_name',
  PGCHANNELBINDING: 'channel_binding',
  PGCONNECT_TIMEOUT: 'connect_timeout',
  PGDATABASE: 'dbname',
  PGGSSENCMODE: 'gssencmode',
  PGHOST: 'host',
  PGHOSTADDR: 'hostaddr',
  PGLOADBALANCEHOSTS: 'load_balance_hosts',
  PGOPTIONS: 'options',
  PGPASSWORD: 'password',
  PGPORT: 'port',
  PGREQUIREAUTH: 'require_auth',
  PGREQUIREPEER: 'requirepeer',
  PGSERVICE: 'service',
  PGSSLCERT: 'sslcert',
  PGSSLCERTMODE: 'sslcertmode',
  PGSSLCRL: 'sslcrl',
  PGSSLCRLDIR: 'sslcrldir',
  PGSSLKEY: 'sslkey',
  PGSSLMAXPROTOCOLVERSION: 'ssl_max_protocol_version',
  PGSSLMINPROTOCOLVERSION: 'ssl_min_protocol_version',
  PGSSLMODE: 'sslmode',
  PGSSLNEGOTIATION: 'sslnegotiation',
  PGSSLROOTCERT: 'sslrootcert',
  PGSSLSNI: 'sslsni',
  PGTARGETSESSIONATTRS: 'target_session_attrs',
  PGUSER: 'user',
}

export interface Parameters {
  readonly given: ReadonlyMap<Honoured, Parameter>
  /** A sentence for each parameter that is not supported. No values: they may be secret. */
  readonly problems: readonly string[]
}

/**
 * Sorts the parameters of a URL, and after them those of the environment, into supported ones and
 * problems. None is ignored.
 * @param pairs decoded names and values
 */
export function sortParameters(
  pairs: readonly (readonly [name: string, value: string])[],
  env: Readonly<Record<string, string | undefined>>,
): Parameters {
  const given = new Map<Honoured, Parameter>()
  const seen = new Set<string>()
  const problems: string[] = []
  const take = (name: string, written: string, value: string) => {
    const key = name.toLowerCase()
    if (isHonoured(key) && key === name) given.set(key, { written, value })
    else if (isHonoured(key)) problems.push(`${written}: write ${key} in lower case.`)
    else if (!entryOf(harmless, key)?.includes(value.toLowerCase())) {
      problems.push(`${written}: ${entryOf(advice, key) ?? 'remove it: Duly does not know this parameter.'}`)
    }
  }
  for (const [name, value] of pairs) {
    // Other text may be part of a password, and so may an unknown name without a value.
    const isName = /^[\w.-]{1,60}$/.test(name) && (value !== '' || isKnown(name.toLowerCase()))
    const written = isName ? name : 'a parameter'
    if (seen.has(name)) problems.push(`${written}: write it once.`)
    else take(name, written, value)
    seen.add(name)
  }
  for (const [variable, name] of Object.entries(variables)) {
    const value = env[variable]
    if (value && !seen.has(name)) take(name, variable, value)
  }
  return { given, problems }
}
