import { type Session, unprepared } from '../../db/database.ts'
import { SecretCipher } from './secrets.ts'

const page = unprepared(
  `select webhooks.user_id, webhooks.id, webhooks.secret, webhooks.old_secret from duly.webhooks
  where (webhooks.user_id, webhooks.id) > ($1, $2::bigint) order by webhooks.user_id, webhooks.id limit 500`,
)
/** A row that has changed since it was read is left as it is. */
const write = unprepared(
  `update duly.webhooks set secret = $3, old_secret = $4
  where webhooks.user_id = $1 and webhooks.id = $2::bigint and webhooks.secret = $5 returning true`,
)
const used = unprepared(`select distinct split_part(webhooks.secret, '.', 1) from duly.webhooks`)

/**
 * Encrypts with the current secret what the other one has encrypted. Several replicas may do so at
 * the same time. @returns how many webhooks were written
 */
export async function reencryptWebhooks(db: Session, cipher: SecretCipher): Promise<number> {
  let count = 0
  const [current] = cipher.versions
  for (let after: readonly string[] | undefined = ['', '0']; after; ) {
    const rows: readonly (readonly (string | null)[])[] = await db.query(page, after)
    for (const [owner = '', id, secret = '', old] of rows as [string, string, string, string | null][]) {
      if (secret.startsWith(`${current}.`)) continue
      const again = (text: string) => {
        const known = cipher.decrypt(owner, text)
        return known === undefined ? text : cipher.encrypt(owner, known)
      }
      const values = [owner, id, again(secret), old === null ? null : again(old), secret]
      count += (await db.query(write, values)).length
    }
    const last = rows.at(-1)
    after = rows.length === 500 && last ? [String(last[0]), String(last[1])] : undefined
  }
  return count
}

/** Whether these secrets of the server can decrypt the secrets of all webhooks. */
export async function webhookSecretsFit(db: Session, secrets: readonly string[]): Promise<boolean> {
  const rows = await db.query(used)
  const [current, ...others] = secrets
  if (current === undefined) return rows.length === 0
  const { versions } = new SecretCipher([current, ...others])
  return rows.every(([version]) => versions.includes(String(version)))
}
