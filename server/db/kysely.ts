import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import pg from 'pg'
import type { Database, Result, Session } from './database.ts'

interface Listener {
  /** Called when a statement fails: the library may report another error. */
  failed(error: unknown): void
  /** Called before each write, with a session for queries. Rejects if the write is not allowed. */
  mayWrite(session: Session): Promise<void>
  /** Called with the session of a transaction that begins, and with undefined when it ends. */
  holds(session: Session | undefined): void
}

/** A Kysely dialect over our sessions, for a library that builds its statements with Kysely. */
export function kyselyDialect(db: Database, listener: Listener): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driverOf(db, listener),
    createIntrospector: kysely => new PostgresIntrospector(kysely as Kysely<unknown>),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}

function driverOf(db: Database, listener: Listener): Driver {
  return {
    async init() {},
    acquireConnection: async () => new Connection(db, listener),
    async beginTransaction(connection) {
      ;(connection as Connection).begin()
    },
    async commitTransaction(connection) {
      await (connection as Connection).end(true)
    },
    async rollbackTransaction(connection) {
      await (connection as Connection).end(false)
    },
    async releaseConnection() {},
    // Whatever opened the database closes it.
    async destroy() {},
  }
}

/**
 * A transaction begins with its first write. So the library holds no session while it hashes a
 * password between its reads and that write; the embedded database has only one. Under READ
 * COMMITTED, earlier reads see the same either way.
 */
class Connection implements DatabaseConnection {
  readonly #db: Database
  readonly #listener: Listener
  #wanted = false
  #held: Held | undefined

  constructor(db: Database, listener: Listener) {
    this.#db = db
    this.#listener = listener
  }

  begin(): void {
    this.#wanted = true
  }

  async end(commit: boolean): Promise<void> {
    const held = this.#held
    this.#wanted = false
    this.#held = undefined
    this.#listener.holds(undefined)
    await held?.end(commit)
  }

  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    try {
      const isWrite = query.kind !== 'SelectQueryNode'
      if (isWrite) await this.#listener.mayWrite(this.#held?.session ?? this.#db)
      if (this.#wanted && !this.#held && isWrite) {
        this.#held = await hold(this.#db)
        this.#listener.holds(this.#held.session)
      }
      const result = await (this.#held?.session ?? this.#db).run({ name: '', text: sql }, parameters)
      return { rows: objectsOf(result) as R[], numAffectedRows: BigInt(result.affected) }
    } catch (error) {
      this.#listener.failed(error)
      throw error
    }
  }

  streamQuery(): AsyncIterableIterator<never> {
    throw new Error('streaming is not supported')
  }
}

interface Held {
  readonly session: Session
  end(commit: boolean): Promise<void>
}

/** A transaction that the caller ends, instead of a callback. */
function hold(db: Database): Promise<Held> {
  const rolledBack = new Error('rolled back')
  return new Promise((resolve, reject) => {
    const ended = db.transaction(
      session =>
        new Promise<void>((commit, rollback) => {
          const end = async (well: boolean) => {
            if (well) commit()
            else rollback(rolledBack)
            await ended.catch(error => {
              if (error !== rolledBack) throw error
            })
          }
          resolve({ session, end })
        }),
    )
    ended.catch(reject)
  })
}

function objectsOf({ columns, rows }: Result): Record<string, unknown>[] {
  const parsers = columns.map(({ type }) => parserOf(type))
  return rows.map(row =>
    Object.fromEntries(
      columns.map(({ name }, n) => {
        const text = row[n] ?? null
        return [name, text === null ? null : parsers[n]?.(text)]
      }),
    ),
  )
}

const int8 = 20

function parserOf(type: number): (text: string) => unknown {
  return type === int8 ? integerOf : pg.types.getTypeParser(type, 'text')
}

function integerOf(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number
  throw new RangeError('integer beyond 2^53')
}
