import { hkdfSync } from 'node:crypto'

/**
 * The keys of the accounts, derived from the shared secrets (HKDF, RFC 5869). So nothing that they
 * sign is valid for another use of the secret, such as an HMAC token.
 */
export function issuerSecrets(secrets: readonly string[]): { version: number; value: string }[] {
  const keys = secrets.map(secret => {
    const key = Buffer.from(hkdfSync('sha256', secret, '', 'duly accounts', 36))
    // The version is a part of the derived key that has no other use. So replicas agree on versions
    // without a list.
    return { version: key.readUInt32BE(32), value: key.subarray(0, 32).toString('base64url') }
  })
  return keys.filter((key, n) => keys.findIndex(other => other.version === key.version) === n)
}
