import type { ErrorCode } from '../errors.ts'

/** A JSON Schema (2020-12), as OpenAPI 3.1 embeds it. */
export type Schema = Readonly<Record<string, unknown>>

export interface Parameter {
  readonly name: string
  readonly in: 'query' | 'header'
  readonly required?: boolean
  readonly description: string
  readonly schema: Schema
  readonly example?: unknown
  /** Whether the entries of an array are parameters of their own, which is the default. */
  readonly explode?: boolean
}

/** A parameter of a path: `{name}`. It is required. */
export interface PathParameter {
  readonly description: string
  readonly schema: Schema
  /** Must lead to a valid path. */
  readonly example: string | number
}

export interface RequestBody {
  readonly schema: Schema
  readonly required: boolean
  /** By default `application/json`. */
  readonly mediaTypes?: readonly string[]
  /** Valid bodies, by name. Tests send each of them. */
  readonly examples: Readonly<Record<string, unknown>>
}

export interface Answer {
  readonly description: string
  /** Undefined if there is no body. */
  readonly schema?: Schema
  /** By default `application/json`. */
  readonly mediaType?: string | readonly string[]
  readonly example?: unknown
  readonly headers?: Readonly<Record<string, Header>>
}

export interface Header {
  readonly description: string
  readonly schema: Schema
  /** Whether all these responses have it. */
  readonly required?: boolean
}

/** An operation of the OpenAPI document. `openApi` adds the answers of all routes. */
export interface Operation {
  readonly id: string
  readonly summary: string
  readonly description: string
  readonly parameters?: readonly Parameter[]
  readonly body?: RequestBody
  /** Responses of successful calls, by status. */
  readonly answers: Readonly<Record<number, Answer>>
  /** Error codes beside those of all routes. */
  readonly fails?: readonly ErrorCode[]
  /** Error statuses of Better Auth, in the error shape of the module. */
  readonly refusals?: readonly number[]
  /** The name of its calls in the audit log; `true`: its id. */
  readonly audited?: true | string
  /** The cookie of a session, for calls that accept no token. */
  readonly security?: 'session'
}

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
