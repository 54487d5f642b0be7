import { type Algorithm, algorithmSettings, readAlgorithms } from './algorithms.ts'
import { hasSecret } from './secrets.ts'
import { setting } from './setting.ts'
import { type SettingsReader, webUrl } from './settings-reader.ts'

export const tokenSettings = [
  ...algorithmSettings,
  setting('JWKS_URL', 'none', 'URLs of the public keys (JWK Sets) of other issuers; comma-separated.', [
    'BETTER_AUTH_PUBLIC_KEY_URL',
  ]),
  setting(
    'JWT_ISSUER',
    'unchecked',
    'Required `iss` of tokens of other issuers: one for all, or one for each JWKS_URL, in the same order.',
  ),
  setting(
    'JWT_AUDIENCE',
    'unchecked',
    'Accepted values of `aud` in tokens of other issuers; comma-separated.',
  ),
  setting(
    'JWT_USER_CLAIM',
    'the first of `sub`, `user_id`, `id`, `user.id`',
    "Claim that contains the user's id in tokens of other issuers: a name, or a path such as `user.id`.",
  ),
  setting('JWT_CLOCK_SKEW', '30', 'Seconds of tolerance for `nbf` and `iat`.'),
]

export interface TokenConfig {
  readonly algorithms: readonly Algorithm[]
  /** Issuers whose public keys are fetched. */
  readonly remoteIssuers: readonly RemoteIssuerAddress[]
  /** The claims that HMAC tokens need. */
  readonly rules: ClaimRules
  /** The claim with the user's id in tokens of other issuers. Absent: the first usual one. */
  readonly userClaim: string | undefined
  /** Seconds of tolerance for `nbf` and `iat`. */
  readonly clockSkew: number
}

export interface ClaimRules {
  /** Accepted values of `iss`; empty accepts any. */
  readonly issuers: readonly string[]
  /** Accepted values of `aud`; empty accepts any. */
  readonly audiences: readonly string[]
}

interface RemoteIssuerAddress {
  readonly url: URL
  readonly rules: ClaimRules
}

/** Registered claims that do not identify a user (RFC 7519, 4.1). */
const notUserClaims = ['iss', 'aud', 'exp', 'nbf', 'iat', 'jti']

export function readTokens(reader: SettingsReader): TokenConfig {
  const remoteIssuers = readRemoteIssuers(reader)
  const hmac = hasSecret(reader)
  if (!hmac && remoteIssuers.length === 0) {
    reader.note('No token can be accepted, so every request returns 401. Set BETTER_AUTH_SECRET or JWKS_URL.')
  }
  return {
    algorithms: readAlgorithms(reader, { hmac, public: reader.read('JWKS_URL') !== undefined }),
    remoteIssuers,
    rules: { issuers: reader.list('JWT_ISSUER'), audiences: reader.list('JWT_AUDIENCE') },
    userClaim: readUserClaim(reader),
    clockSkew: reader.integer('JWT_CLOCK_SKEW', 0, 3600, 30),
  }
}

function readRemoteIssuers(reader: SettingsReader): RemoteIssuerAddress[] {
  const urls = reader.list('JWKS_URL').map(value => readKeysUrl(value, reader))
  const issuers = reader.list('JWT_ISSUER')
  const audiences = reader.list('JWT_AUDIENCE')
  const arePaired = urls.length > 1 && issuers.length > 1
  if (arePaired && urls.length !== issuers.length) {
    reader.problem(
      'JWT_ISSUER',
      `must name one issuer, such as https://app.example.com, or ${urls.length} in the order of JWKS_URL, separated by commas.`,
    )
  }
  return urls.flatMap((url, n) => {
    const own = arePaired ? issuers.slice(n, n + 1) : issuers
    return url ? [{ url, rules: { issuers: own, audiences } }] : []
  })
}

function readKeysUrl(value: string, reader: SettingsReader): URL | undefined {
  const url = webUrl(value)
  if (!url) {
    return reader.problem(
      'JWKS_URL',
      'must be an absolute URL, such as https://app.example.com/api/auth/jwks. Separate several with commas.',
    )
  }
  if (url.username === '' && url.password === '') return url
  return reader.problem(
    'JWKS_URL',
    'must not contain a user name or a password. Write it as https://app.example.com/api/auth/jwks.',
  )
}

function readUserClaim(reader: SettingsReader): string | undefined {
  const value = reader.read('JWT_USER_CLAIM')
  if (value === undefined) return undefined
  const isName = /^[^\s,\p{Cc}]{1,255}$/u.test(value) && !value.split('.').includes('')
  if (!isName) {
    return reader.problem('JWT_USER_CLAIM', 'must be the name of one claim, such as sub or user.id.')
  }
  // All users would share one value, or a user would have another value in each token.
  if (!notUserClaims.includes(value)) return value
  return reader.problem('JWT_USER_CLAIM', 'identifies no user. Use a claim such as sub or user.id.')
}
