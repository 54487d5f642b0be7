import { type Session, unprepared } from '../db/database.ts'
import { issuerSecrets } from './secrets.ts'

// What Better Auth encrypts begins with the version of the key it took, which `issuerSecrets` gives out.
const used = unprepared(
  `select distinct substring(encrypted from '\\$ba\\$([0-9]+)\\$') from (
    select "privateKey" as encrypted from duly.jwks
    union all select secret from duly."twoFactor"
    union all select "backupCodes" from duly."twoFactor"
  ) as texts`,
)

/** Whether these secrets can read all that was encrypted in this database: signing keys and second factors. */
export async function secretsFit(session: Session, secrets: readonly string[]): Promise<boolean> {
  const versions = issuerSecrets(secrets).map(({ version }) => String(version))
  const rows = await session.query(used)
  return rows.every(([version]) => versions.includes(String(version)))
}
