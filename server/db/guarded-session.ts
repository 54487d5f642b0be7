import type { Guard, Reads, Result, Row, Session, Statement, TakeRow, Value } from './database.ts'

/** A session for one request: its guard is passed with each statement. */
class GuardedSession implements Session {
  readonly #session: Session
  readonly #guard: Guard

  constructor(session: Session, guard: Guard) {
    this.#session = session
    this.#guard = guard
  }

  get reads(): Reads | undefined {
    return this.#session.reads
  }

  query(statement: Statement, values?: readonly Value[], guard = this.#guard): Promise<Row[]> {
    return this.#session.query(statement, values, guard)
  }

  read(statement: Statement, values: readonly Value[], take: TakeRow, guard = this.#guard): Promise<unknown> {
    return this.#session.read(statement, values, take, guard)
  }

  run(statement: Statement, values: readonly unknown[]): Promise<Result> {
    return this.#session.run(statement, values)
  }
}

export function guarded(session: Session, guard: Guard | undefined): Session {
  return guard ? new GuardedSession(session, guard) : session
}
