import type { components } from './schema.ts'

/** Problem details (RFC 9457), as the server returns them. */
export type Problem = components['schemas']['Problem']

/** An item that keeps a change from being undone. */
export type Conflict = NonNullable<Problem['conflicts']>[number]

/** The request that failed. */
export interface FailedRequest {
  readonly method: string
  /** Without the query, which may contain search terms. */
  readonly url: string
}

/** An error response of the server, or of a proxy in front of it. */
export class DulyError extends Error {
  /** The HTTP status. */
  readonly status: number
  /** Undefined if the response has no problem details, such as a proxy's. */
  readonly problem: Problem | undefined
  readonly request: FailedRequest | undefined

  constructor(status: number, problem: Problem | undefined, request?: FailedRequest) {
    const place = request ? `${request.method} ${request.url}: ` : ''
    super(problem?.detail ?? `${place}the server answered ${status}.`)
    this.name = 'DulyError'
    this.status = status
    this.problem = problem
    this.request = request
  }

  /** One of the codes that the server describes at `/problems`. */
  get code(): Problem['code'] | undefined {
    return this.problem?.code
  }
}

/** A `DulyError` with a code, and what its problem then has. */
export type ErrorWithCode<Code extends Problem['code']> = DulyError & {
  readonly code: Code
  readonly problem: Problem & { readonly code: Code } & (Code extends 'undo_conflict'
      ? { readonly conflicts: readonly Conflict[] }
      : Code extends 'broken_rule'
        ? { readonly errors: NonNullable<Problem['errors']> }
        : unknown)
}

/** Whether an error is the server's, with this code. */
export const hasCode = <Code extends Problem['code']>(
  error: unknown,
  code: Code,
): error is ErrorWithCode<Code> => error instanceof DulyError && error.code === code

export type NoAnswer = 'network' | 'timeout' | 'aborted' | 'not_json'

const names: Readonly<Record<NoAnswer, string>> = {
  network: 'DulyConnectionError',
  timeout: 'TimeoutError',
  aborted: 'AbortError',
  not_json: 'DulyConnectionError',
}

/**
 * A request without a usable response: no connection (`network`), no response in time (`timeout`),
 * an aborted signal (`aborted`), or a response that is not from Duly (`not_json`). The cause is the
 * error of `fetch`, of the parser or of the signal. It is a TypeError, like network errors of
 * `fetch`; `name` is that of the corresponding DOMException.
 */
export class DulyConnectionError extends TypeError {
  readonly kind: NoAnswer
  readonly request: FailedRequest

  constructor(kind: NoAnswer, request: FailedRequest, reason: string, cause: unknown) {
    super(`${request.method} ${request.url}: ${reason}`, { cause })
    this.name = names[kind]
    this.kind = kind
    this.request = request
  }
}
