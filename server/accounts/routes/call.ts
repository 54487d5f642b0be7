import type { Operation } from '../../openapi/operation.ts'

/** A call of Better Auth that Duly offers, and what Duly does before Better Auth gets it. */
export interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly body?: NonNullable<Operation['body']>
  readonly parameters?: Operation['parameters']
  readonly answers: Operation['answers']
  /** Written to the audit log. */
  readonly audited?: true
  /** Needs the cookie of a session. */
  readonly session?: true
  /** Hashes a password. Bounded, since a hash takes a core for about 60 ms. */
  readonly hashes?: true
  /** The field that is a new password. */
  readonly choosesPassword?: 'password' | 'newPassword'
  /** Redirects the browser to a provider. */
  readonly toProvider?: true
  /** What attempts are counted as: guesses at a password, a code or an address, and sent emails. */
  readonly attempts?: 'address' | 'account' | 'recipient' | 'proof'
}

type Description = Omit<Call, 'method' | 'path'>

export const get = (path: string, call: Description): Call => ({
  method: 'GET',
  path: `/api/auth${path}`,
  ...call,
})

export const post = (path: string, call: Description): Call => ({
  method: 'POST',
  path: `/api/auth${path}`,
  ...call,
})
