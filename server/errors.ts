/**
 * Every error code of a request. A contract maps a code to its status and body. The message is for
 * people and never contains a token, a title or a statement.
 */
export type ErrorCode =
  | 'token_missing'
  | 'token_invalid'
  | 'insufficient_scope'
  | 'not_your_path'
  | 'origin_not_trusted'
  | 'account_elsewhere'
  | 'sign_in_failed'
  | 'code_required'
  | 'sign_in_forbidden'
  | 'email_taken'
  | 'no_session'
  | 'broken_rule'
  | 'nothing_to_change'
  | 'not_json'
  | 'task_not_found'
  | 'precondition_failed'
  | 'idempotency_key_reused'
  | 'token_not_found'
  | 'webhook_not_found'
  | 'delivery_not_found'
  | 'list_not_found'
  | 'change_not_found'
  | 'undo_conflict'
  | 'change_too_large'
  | 'too_many_lists'
  | 'too_many_tokens'
  | 'too_many_webhooks'
  | 'too_many_tasks'
  | 'storage_full'
  | 'answer_dropped'
  | 'resync_required'
  | 'too_many_requests'
  | 'password_compromised'
  | 'busy'
  | 'route_not_found'
  | 'method_not_allowed'
  | 'body_too_large'
  | 'address_too_long'
  | 'headers_too_large'
  | 'unsupported_media_type'
  | 'bad_request'
  | 'database_away'
  | 'database_full'
  | 'outcome_unknown'
  | 'keys_away'
  | 'internal'

/** A validation error. `field` is the name as the client wrote it. */
export interface FieldProblem {
  readonly field: string
  /** Where the field is; in the body by default. */
  readonly in?: 'path' | 'query' | 'header'
  readonly message: string
}

interface AppErrorOptions {
  readonly cause?: unknown
  readonly problems?: readonly FieldProblem[]
  readonly retryAfter?: number
  readonly scope?: string
  readonly headers?: Readonly<Record<string, string>>
}

export class AppError extends Error {
  readonly code: ErrorCode
  readonly problems: readonly FieldProblem[]
  /** Seconds until the client may retry, sent as `Retry-After` (RFC 9110, 10.2.3). */
  readonly retryAfter: number | undefined
  /** The scope that the token lacks, sent in `WWW-Authenticate` (RFC 6750, 3.1). */
  readonly scope: string | undefined
  /** Additional response headers. */
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = 'AppError'
    this.code = code
    this.problems = options.problems ?? []
    this.retryAfter = options.retryAfter
    this.scope = options.scope
    this.headers = options.headers ?? {}
  }
}

/** Rejects an invalid body, query or path. The message joins the sentences of all problems. */
export function brokenRules(problems: readonly FieldProblem[]): AppError {
  return new AppError('broken_rule', problems.map(problem => problem.message).join(' '), { problems })
}

/** An expected failure of a command: printed as a sentence with its fix, without a stack. */
export class StartError extends Error {
  /** The exit code of the process, from sysexits(3). */
  readonly exitCode: number

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartError'
    this.exitCode = exitCode
  }
}

/** Exit codes of sysexits(3); docs/operations.md lists them. */
export const exit = {
  usage: 64,
  dataErr: 65,
  noInput: 66,
  unavailable: 69,
  software: 70,
  osErr: 71,
  cantCreate: 73,
  ioErr: 74,
  noPerm: 77,
  config: 78,
} as const
