import { type Session, unprepared } from '../db/database.ts'
import { issuerSecrets } from './secrets.ts'

// What Better Auth encrypts begins with the version of the key, as in `issuerSecrets`.
const used = unprepared(
  `select distinct substring(encrypted from '\\$ba\\$([0-9]+)\\$') from (
    select "privateKey" as encrypted from duly.jwks
    union all select secret from duly."twoFactor"
    union all select "backupCodes" from duly."twoFactor"
  ) as texts`,
)

/** Whether these secrets can decrypt the signing keys and two-factor secrets in the database. */
export async function secretsFit(session: Session, secrets: readonly string[]): Promise<boolean> {
  const versions = issuerSecrets(secrets).map(({ version }) => String(version))
  const rows = await session.query(used)
  return rows.every(([version]) => versions.includes(String(version)))
}
