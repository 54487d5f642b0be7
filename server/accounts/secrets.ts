import { hkdfSync } from 'node:crypto'

/**
 * The keys of the accounts, derived from the shared secrets (HKDF, RFC 5869): what one of them has signed is never taken for
 * what another use of the secret has signed, such as a front end's HMAC token.
 */
export function issuerSecrets(secrets: readonly string[]): { version: number; value: string }[] {
  const keys = secrets.map(secret => {
    const key = Buffer.from(hkdfSync('sha256', secret, '', 'duly accounts', 36))
    // Replicas and restarts agree on which is which without a list: the number is a part of the key that is used for nothing else.
    return { version: key.readUInt32BE(32), value: key.subarray(0, 32).toString('base64url') }
  })
  return keys.filter((key, n) => keys.findIndex(other => other.version === key.version) === n)
}
