import type pg from 'pg'
import { exit, StartError } from '../errors.ts'
import type { PostgresAddress } from './database-url.ts'
import { differing, pins } from './session-settings.ts'

const oldestVersion = 140_000

/** What Duly must know about a server. */
export interface ServerFacts {
  readonly version: number
  readonly encoding: string
  readonly isCitus: boolean
  readonly role: string
  readonly database: string
  /** Settings of a session that Duly opened. */
  readonly settings: Readonly<Record<string, string>>
}

export async function factsOf(client: pg.Client): Promise<ServerFacts> {
  const { rows } = await client.query(
    `select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding,
      exists (select from pg_extension where extname = 'citus') as citus, session_user as role,
      current_database() as database,
      (select json_object_agg(name, setting) from pg_settings where name = any($1::text[])) as settings`,
    [pins.map(({ name }) => name)],
  )
  const [{ version, encoding, citus, role, database, settings }] = rows
  return {
    version: Number(version),
    encoding,
    isCitus: citus === 't',
    role,
    database,
    settings: JSON.parse(settings ?? '{}'),
  }
}

/** @throws StartError if Duly cannot use the server's version, encoding or settings */
export function refuseUnfit(label: string, address: PostgresAddress, facts: ServerFacts): void {
  const { version, encoding, role, database, settings } = facts
  if (version < oldestVersion) {
    const found = Math.floor(version / 10_000)
    throw new StartError(`${label} has version ${found}; Duly needs PostgreSQL 14 or newer.`, exit.config)
  }
  if (encoding !== 'UTF8') {
    throw new StartError(
      `${label} stores text as ${encoding}, which cannot represent every character. Create a database with create database ${quoted(database)} encoding 'UTF8' template template0, under another name, and set DATABASE_URL to it.`,
      exit.config,
    )
  }
  const wrong = differing(settings, address.transactionPooler)
  if (wrong.length === 0) return
  if (!address.transactionPooler) {
    throw new StartError(
      `${label} does not apply the settings of a session (${wrong.map(({ name }) => name).join(', ')}), so a pooler is in between. Set DATABASE_POOLER=transaction.`,
      exit.config,
    )
  }
  const statements = wrong.map(
    ({ name, value }) =>
      `  alter role ${quoted(role)} in database ${quoted(database)} set ${quoted(name)} = '${value}';`,
  )
  throw new StartError(
    `${label} has settings that change how values are read, and Duly cannot set them through a pooler. Run these statements, then make the pooler open new connections (PgBouncer: RECONNECT):\n${statements.join('\n')}`,
    exit.config,
  )
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
