import pg from 'pg'
import { AppError, exit, StartError } from '../errors.ts'

/** Why the database cannot be used, and what to do. */
export interface Failure {
  /** The reason, in the words of PostgreSQL if it gave one. */
  readonly what: string
  readonly fix: string
  /** Whether it may pass without a change. */
  readonly passes: boolean
}

// Messages of the driver, which has no codes for these errors.
const noTls = 'The server does not support SSL connections'
const noPostgres = 'There was an error establishing an SSL connection'

/**
 * Explains a failure to connect or to migrate: errors of PostgreSQL by their SQLSTATE, errors of
 * the system and of TLS by their code.
 */
export function explain(error: unknown): Failure {
  const cause = causeOf(error)
  if (cause instanceof pg.DatabaseError) return explainSqlState(cause)
  const code = codeOf(cause)
  const message = cause instanceof Error ? cause.message : String(cause)
  if (message === noTls) {
    return {
      what: 'the server does not support TLS',
      fix: 'Enable TLS on the server (ssl = on), or add sslmode=disable to DATABASE_URL if the network is trusted.',
      passes: false,
    }
  }
  if (message === noPostgres) {
    return {
      what: 'the server that answered is not PostgreSQL',
      fix: 'Check the host and the port in DATABASE_URL.',
      passes: false,
    }
  }
  if (/CERT|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_PURPOSE|^ERR_(TLS|SSL)|^EPROTO$/.test(code)) {
    return {
      what: `TLS failed: ${message} (${code})`,
      fix: 'Set sslrootcert=FILE in DATABASE_URL to the certificate of its authority, and use the host name that the certificate names.',
      passes: false,
    }
  }
  const known = systemCodes[code]
  if (known) return { what: `${known.what} (${code})`, fix: known.fix, passes: known.passes }
  return {
    what: message,
    fix: 'Check DATABASE_URL, and that the server is running and accepts connections from this machine.',
    passes: true,
  }
}

const systemCodes: Readonly<Record<string, Failure>> = {
  ENOTFOUND: {
    what: 'DNS has no such host name',
    fix: 'Check the host in DATABASE_URL.',
    passes: true,
  },
  EAI_AGAIN: { what: 'DNS does not answer', fix: 'Check the network of this machine.', passes: true },
  ECONNREFUSED: {
    what: 'no server is listening there',
    fix: 'Start the server, or check the host and the port in DATABASE_URL.',
    passes: true,
  },
  ENOENT: {
    what: 'the socket does not exist',
    fix: 'Start the server, or check the folder and the port in DATABASE_URL.',
    passes: true,
  },
  EACCES: {
    what: 'permission to use the socket was denied',
    fix: 'Give this user access to the socket.',
    passes: false,
  },
}

interface Explained {
  readonly codes: RegExp
  readonly fix: string
  readonly passes?: boolean
}

const foreign = 'The schema "duly" belongs to another program. Rename it, or use another database.'
const sqlStates: readonly Explained[] = [
  {
    codes: /^28P01|^28000/,
    fix: 'Check the user and the password in DATABASE_URL, and pg_hba.conf on the server, which may require TLS (sslmode=require).',
  },
  { codes: /^3D000/, fix: 'Create the database, or correct its name in DATABASE_URL.' },
  {
    codes: /^42501/,
    fix: 'Grant CREATE on the database to the role, or create the schema "duly" first and make the role its owner.',
  },
  {
    codes: /^25006/,
    fix: 'Connect to the primary, and check that default_transaction_read_only is off for the database and the role.',
  },
  { codes: /^53100/, fix: 'Free some space on the disk of the server, and start again.', passes: true },
  { codes: /^53300/, fix: 'Raise max_connections on the server, or lower DATABASE_POOL.', passes: true },
  {
    codes: /^(55P03|40)/,
    fix: 'End long-running work on the server, such as a dump, and start again.',
    passes: true,
  },
  { codes: /^57P04/, fix: 'Correct the name of the database in DATABASE_URL: this one was dropped.' },
  { codes: /^(53|57|58000|58030)/, fix: 'Start again when the server has recovered.', passes: true },
  { codes: /^08P01/, fix: 'If a pooler such as PgBouncer is in between, set DATABASE_POOLER=transaction.' },
  { codes: /^08/, fix: 'Start again when the server has recovered.', passes: true },
  { codes: /^(42P0[1467]|42701|42703|42710|3F000|42804)/, fix: foreign },
  {
    codes: /^(58P01|0A000|42704|42883|42601)/,
    fix: 'Duly needs PostgreSQL 14 or newer, installed with all of its files.',
  },
]

function explainSqlState(error: pg.DatabaseError): Failure {
  const code = error.code ?? 'unknown'
  const known = sqlStates.find(({ codes }) => codes.test(code))
  return {
    what: `"${error.message}" (${code})`,
    fix: known?.fix ?? 'See the log of the server.',
    passes: known?.passes ?? false,
  }
}

/** `PostgreSQL at host:port/database reported "…" (code). What to do.` */
export function connectionFailure(label: string, error: unknown): StartError {
  const { what, fix } = explain(error)
  const says =
    causeOf(error) instanceof pg.DatabaseError
      ? `${label} reported ${what}`
      : `${label} cannot be reached: ${what}`
  return new StartError(`${says}. ${fix}`, exit.unavailable, { cause: error })
}

/** Whether PostgreSQL rejected a statement or did not answer. Other errors are bugs. */
export function isOfDatabase(error: unknown): boolean {
  return error instanceof pg.DatabaseError || error instanceof AppError
}

function causeOf(error: unknown): unknown {
  if (error instanceof AppError && error.cause !== undefined) return causeOf(error.cause)
  if (error instanceof AggregateError) return causeOf(error.errors[0])
  return error
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
