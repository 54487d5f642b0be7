/** Why a token was rejected, for the log. The client learns only `expired` or `invalid`. */
export class TokenError extends Error {
  readonly expired: boolean

  constructor(reason: string, expired = false) {
    super(reason)
    this.name = 'TokenError'
    this.expired = expired
  }
}
