import { secretsFit } from '../accounts/secrets-fit.ts'
import { lastGiven, quoted, tablesIn } from '../backup/tables.ts'
import { type Database, type Session, unprepared } from '../db/database.ts'
import { migrationStatus } from '../db/migration-status.ts'
import { migrations } from '../db/migrations.ts'
import { webhookSecretsFit } from '../sync/webhooks/reencrypt.ts'
import { invariants } from '../tasks/invariants.ts'
import type { Finding } from './finding.ts'

const notByDuly =
  'Something other than Duly changed the database. Make a backup, then see "Troubleshooting" in docs/operations.md.'

const brokenIndexes = unprepared(
  `select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
  where c.relnamespace = to_regnamespace('duly') and not (i.indisvalid and i.indisready) order by 1`,
)

/** Checks the schema, the rows, and whether the secrets decrypt them. Changes nothing. */
export function checkDatabase(db: Database, secrets: readonly string[]): Promise<Finding[]> {
  return db.transaction(async session => {
    await session.query(unprepared('set transaction isolation level repeatable read, read only'))
    await session.query(unprepared('set local statement_timeout = 0'))
    const schema = await checkSchema(session)
    if (schema.fix !== undefined) return [schema]
    return [
      schema,
      ...(await checkTasks(session)),
      await checkNextIds(session),
      await checkIndexes(session),
      await checkSecrets(session, secrets),
    ]
  }, 'unlimited')
}

async function checkSchema(session: Session): Promise<Finding> {
  const { length } = await migrationStatus(session)
  const missing = migrations.length - length
  if (missing === 0) return { what: `the schema is up to date (${length} migrations)` }
  if (missing > 0) {
    return {
      what: `${missing} of ${migrations.length} migrations are pending`,
      fix: 'Run duly migrate up, or restart the server.',
    }
  }
  return {
    what: `the database is newer than this version of Duly: it has ${length} migrations, this program knows ${migrations.length}`,
    fix: 'Start the newer version, or restore a backup that this version wrote.',
  }
}

async function checkTasks(session: Session): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { holds, broken } of invariants) {
    const rows = await session.query(broken)
    if (rows.length === 0) findings.push({ what: holds })
    else
      findings.push({
        what: `a check failed: ${holds}. Affected owners: ${rows.map(([name]) => name).join(', ')}`,
        fix: notByDuly,
      })
  }
  return findings
}

async function checkNextIds(session: Session): Promise<Finding> {
  const behind: string[] = []
  for (const table of await tablesIn(session)) {
    for (const column of table.columns.filter(({ identity }) => identity)) {
      const text = `select coalesce(max(${quoted(column.name)}), 0) > $1::bigint from duly.${quoted(table.name)}`
      const [row] = await session.query(unprepared(text), [await lastGiven(session, table, column)])
      if (row?.[0] === 't') behind.push(table.name)
    }
  }
  if (behind.length === 0) return { what: 'the next ids of new tasks and tokens are free' }
  return { what: `the next ids are already in use in these tables: ${behind.join(', ')}`, fix: notByDuly }
}

async function checkIndexes(session: Session): Promise<Finding> {
  const names = (await session.query(brokenIndexes)).map(([name]) => name)
  if (names.length === 0) return { what: 'every index is valid' }
  return {
    what: `indexes are not valid: ${names.join(', ')}`,
    fix: `Run in the database: ${names.map(name => `reindex index duly.${quoted(String(name))};`).join(' ')}`,
  }
}

async function checkSecrets(session: Session, secrets: readonly string[]): Promise<Finding> {
  if ((await secretsFit(session, secrets)) && (await webhookSecretsFit(session, secrets)))
    return { what: 'the secret decrypts the stored keys' }
  return {
    what: 'signing keys, or secrets of two-factor authentication or webhooks, were encrypted with another secret',
    fix: 'Restore the previous BETTER_AUTH_SECRET or DATA_DIR/secret. If it is lost, run duly keys rotate --now.',
  }
}
