import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

/** Shown to the user. The key is the part after the prefix, in base64 (Standard Webhooks). */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/**
 * The `webhook-signature` of a message (Standard Webhooks): one for each secret.
 * @param seconds of the attempt, as in `webhook-timestamp`
 */
export function signatureOf(
  { id, seconds, body }: { readonly id: string; readonly seconds: number; readonly body: string },
  secrets: readonly string[],
): string {
  return secrets
    .map(secret => Buffer.from(secret.slice('whsec_'.length), 'base64'))
    .map(key => `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`)
    .join(' ')
}

interface Key {
  /** Part of the derived key that has no other use, so that replicas agree without a list. */
  readonly version: string
  readonly key: Buffer
}

/**
 * Encrypts the secrets of webhooks with a key that is derived from the secret of the server (HKDF,
 * RFC 5869; AES-256-GCM). A text is bound to its owner. It begins with the version of its key.
 */
export class SecretCipher {
  readonly #keys: readonly [Key, ...Key[]]

  /** @param secrets of the server; the first one encrypts, and all of them decrypt */
  constructor([current, ...others]: readonly [string, ...string[]]) {
    this.#keys = [derive(current), ...others.map(derive)]
  }

  encrypt(owner: string, secret: string): string {
    const [{ version, key }] = this.#keys
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(owner))
    const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
    return `${version}.${Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')}`
  }

  /** @returns undefined for a text that these secrets did not encrypt for this owner */
  decrypt(owner: string, text: string): string | undefined {
    const [version, encoded = ''] = text.split('.')
    const known = this.#keys.find(candidate => candidate.version === version)
    if (!known) return undefined
    const bytes = Buffer.from(encoded, 'base64url')
    try {
      const decipher = createDecipheriv('aes-256-gcm', known.key, bytes.subarray(0, 12))
        .setAAD(Buffer.from(owner))
        .setAuthTag(bytes.subarray(12, 28))
      return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      return undefined
    }
  }

  /** Versions of the keys. The first one encrypts. */
  get versions(): readonly string[] {
    return this.#keys.map(({ version }) => version)
  }
}

function derive(secret: string): Key {
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', 'duly webhooks', 36))
  return { version: bytes.toString('hex', 32), key: bytes.subarray(0, 32) }
}
