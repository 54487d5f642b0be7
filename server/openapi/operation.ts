import type { ErrorCode } from '../errors.ts'

/** A JSON Schema (2020-12), as OpenAPI 3.1 embeds it. */
export type Schema = Readonly<Record<string, unknown>>

export interface Parameter {
  readonly name: string
  readonly in: 'query' | 'header'
  readonly description: string
  readonly schema: Schema
  readonly example?: unknown
}

export interface RequestBody {
  readonly schema: Schema
  readonly required: boolean
  /** `application/json` where nothing is said. */
  readonly mediaTypes?: readonly string[]
  /** Each can be sent as it stands, and is. */
  readonly examples: Readonly<Record<string, unknown>>
}

export interface Answer {
  readonly description: string
  /** Absent: there is no body. */
  readonly schema?: Schema
  /** `application/json` where nothing is said. */
  readonly mediaType?: string | readonly string[]
  readonly example?: unknown
  readonly headers?: Readonly<Record<string, Header>>
}

export interface Header {
  readonly description: string
  readonly schema: Schema
  /** Whether every such answer has it. */
  readonly required?: boolean
}

/** What the document says of one route. What every route can answer (401, 503 and the like) is added by `openApi`. */
export interface Operation {
  readonly id: string
  readonly summary: string
  readonly description: string
  readonly parameters?: readonly Parameter[]
  readonly body?: RequestBody
  /** By status: what it answers when all is well. */
  readonly answers: Readonly<Record<number, Answer>>
  /** How it can fail beside the usual. */
  readonly fails?: readonly ErrorCode[]
  /** Statuses with which something behind this server refuses, in the section's way of telling failures. */
  readonly refusals?: readonly number[]
  /** Whether the audit log tells who has called it, and what came of it. */
  readonly audited?: true
  /** What it needs where a token is not taken: the cookie of a session. */
  readonly security?: 'session'
}

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
