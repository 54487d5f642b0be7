import pg from 'pg'
import { AppError, exit, StartError } from '../errors.ts'

/** What keeps the program from its database, in the words of whoever said it, and what to do. */
export interface Failure {
  readonly what: string
  readonly fix: string
  /** Whether waiting may help. */
  readonly passes: boolean
}

// What the driver says, which has no codes for them.
const noTls = 'The server does not support SSL connections'
const noPostgres = 'There was an error establishing an SSL connection'

/**
 * Explains a failure to connect or to migrate. PostgreSQL's are told apart by their SQLSTATE, the system's and TLS' by their code.
 */
export function explain(error: unknown): Failure {
  const cause = causeOf(error)
  if (cause instanceof pg.DatabaseError) return explainSqlState(cause)
  const code = codeOf(cause)
  const message = cause instanceof Error ? cause.message : String(cause)
  if (message === noTls) {
    return {
      what: 'the server does not support TLS',
      fix: 'Switch it on there (ssl = on), or write sslmode=disable into DATABASE_URL where nobody can listen in between.',
      passes: false,
    }
  }
  if (message === noPostgres) {
    return {
      what: 'what answers there is no PostgreSQL',
      fix: 'Check the host and the port in DATABASE_URL.',
      passes: false,
    }
  }
  if (/CERT|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_PURPOSE|^ERR_(TLS|SSL)|^EPROTO$/.test(code)) {
    return {
      what: `TLS failed: ${message} (${code})`,
      fix: 'Name the certificate of its authority with sslrootcert=FILE in DATABASE_URL, and the host as the certificate does.',
      passes: false,
    }
  }
  const known = systemCodes[code]
  if (known) return { what: `${known.what} (${code})`, fix: known.fix, passes: known.passes }
  return {
    what: message,
    fix: 'Check DATABASE_URL, and that the server runs and lets this machine in.',
    passes: true,
  }
}

const systemCodes: Readonly<Record<string, Failure>> = {
  ENOTFOUND: {
    what: 'DNS knows no such host name',
    fix: 'Check the host in DATABASE_URL.',
    passes: true,
  },
  EAI_AGAIN: { what: 'DNS does not answer', fix: 'Check the network of this machine.', passes: true },
  ECONNREFUSED: {
    what: 'nothing listens there',
    fix: 'Start the server, or check the host and the port in DATABASE_URL.',
    passes: true,
  },
  ENOENT: {
    what: 'there is no such socket',
    fix: 'Start the server, or check the folder and the port in DATABASE_URL.',
    passes: true,
  },
  EACCES: {
    what: 'the socket is not for this user',
    fix: 'Have its owner let this user in.',
    passes: false,
  },
}

interface Explained {
  readonly codes: RegExp
  readonly fix: string
  readonly passes?: boolean
}

const foreign = 'The schema "duly" holds something else. Rename it, or use another database.'
const sqlStates: readonly Explained[] = [
  {
    codes: /^28P01|^28000/,
    fix: 'Check the user and the password in DATABASE_URL, and pg_hba.conf on the server; it may ask for TLS (sslmode=require).',
  },
  { codes: /^3D000/, fix: 'Create the database, or correct its name in DATABASE_URL.' },
  {
    codes: /^42501/,
    fix: 'Grant CREATE on the database to the role, or create the schema "duly" first and make the role its owner.',
  },
  {
    codes: /^25006/,
    fix: 'Connect to the primary, and see that default_transaction_read_only is off for the database and the role.',
  },
  { codes: /^53100/, fix: 'Make room on the disk of the server, and start again.', passes: true },
  { codes: /^53300/, fix: 'Raise max_connections on the server, or lower DATABASE_POOL.', passes: true },
  {
    codes: /^(55P03|40)/,
    fix: 'End what runs there for long, such as a dump, and start again.',
    passes: true,
  },
  { codes: /^57P04/, fix: 'Correct the name of the database in DATABASE_URL: this one was dropped.' },
  { codes: /^(53|57|58000|58030)/, fix: 'Start again once the server is well.', passes: true },
  { codes: /^08P01/, fix: 'If a pooler stands between, such as PgBouncer, set DATABASE_POOLER=transaction.' },
  { codes: /^08/, fix: 'Start again once the server is well.', passes: true },
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
    fix: known?.fix ?? 'See the log of the server for more.',
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

/** Whether PostgreSQL refused, or did not answer; all else is a fault of the program. */
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
