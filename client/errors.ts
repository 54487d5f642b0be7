import type { components } from './schema.ts'

/** Problem details (RFC 9457), as the server tells them. */
export type Problem = components['schemas']['Problem']

/** An answer that is a refusal. What never became an answer (no connection, a time-out) rejects as `fetch` does. */
export class DulyError extends Error {
  /** The HTTP status. */
  readonly status: number
  /** Undefined where the answer was no problem, as that of a proxy in between. */
  readonly problem: Problem | undefined

  constructor(status: number, problem: Problem | undefined) {
    super(problem?.detail ?? `The server answered ${status}.`)
    this.name = 'DulyError'
    this.status = status
    this.problem = problem
  }

  /** From the closed list that `/problems` explains. */
  get code(): Problem['code'] | undefined {
    return this.problem?.code
  }
}
