/** What a personal access token can be allowed. `account` is for settings and webhooks. */
export const scopes = ['tasks:read', 'tasks:write', 'account'] as const
export type Scope = (typeof scopes)[number]

/** The user that a verified token stands for. */
export interface Identity {
  readonly userId: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** Absent: everything that the user may do. */
  readonly scopes?: readonly Scope[]
  /** What can be revoked to end it: the user, the session, the token. */
  readonly subjects?: readonly string[]
  /** The id of the personal access token, if it is one. */
  readonly accessToken?: number
  /** The name of the personal access token. */
  readonly tokenName?: string
  /** The id of the session, if it is one of an account on this server. */
  readonly sessionId?: string
}
