import { setting } from './setting.ts'
import { type SettingsReader, splitList } from './settings-reader.ts'

export const hmacAlgorithms = ['HS256', 'HS384', 'HS512'] as const
export const publicKeyAlgorithms = [
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
] as const
export type Algorithm = (typeof hmacAlgorithms)[number] | (typeof publicKeyAlgorithms)[number]

export const algorithmSettings = [
  setting('JWT_ALGORITHM', 'all that the keys support', 'Accepted algorithms; comma-separated.', [
    'ALGORITHM',
  ]),
]

/** @returns the accepted algorithms, each of which a key supports */
export function readAlgorithms(
  reader: SettingsReader,
  keys: { readonly hmac: boolean; readonly public: boolean },
): readonly Algorithm[] {
  const supported: readonly Algorithm[] = [
    ...(keys.hmac ? hmacAlgorithms : []),
    ...(keys.public ? publicKeyAlgorithms : []),
  ]
  const value = reader.read('JWT_ALGORITHM')
  if (value === undefined) return supported
  const asked = splitList(value)
  const known: readonly string[] = [...hmacAlgorithms, ...publicKeyAlgorithms]
  if (asked.length === 0 || !asked.every(name => known.includes(name))) {
    reader.problem(
      'JWT_ALGORITHM',
      `must be one or more of ${known.join(', ')}, separated by commas.`,
      asked.find(name => !known.includes(name)),
    )
    return supported
  }
  const accepted = supported.filter(name => asked.includes(name))
  if (accepted.length === 0) {
    reader.problem(
      'JWT_ALGORITHM',
      'no key supports these algorithms. HS… needs BETTER_AUTH_SECRET, the others need JWKS_URL.',
    )
  }
  return accepted
}
