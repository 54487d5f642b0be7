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

export interface Listener {
  /** A statement has failed: the library may take that for something else. */
  failed(error: unknown): void
  /** Asked before each write, with the session that it may use. Rejects where the write may not be done. */
  mayWrite(session: Session): Promise<void>
  /** A transaction holds this session from now on, or none does: who joins in uses it, and never waits for another. */
  holds(session: Session | undefined): void
}

/** Our sessions as Kysely knows a database: for a library that writes its own statements with it. */
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
    // The database is whoever opened it's to close.
    async destroy() {},
  }
}

/**
 * A transaction begins with its first write: what a library does between its reads and that (hashing a password, say) holds
 * no session, of which the embedded database has one. Under READ COMMITTED reads before it see the same either way.
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
    throw new Error('rows are not streamed here')
  }
}

interface Held {
  readonly session: Session
  end(commit: boolean): Promise<void>
}

/** Turns a transaction inside out: here it is the caller who says when it ends. */
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
  throw new RangeError('an integer beyond 2^53')
}
