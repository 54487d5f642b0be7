import { parseEnvelope, symmetricDecrypt, symmetricEncrypt } from 'better-auth/crypto'
import { type Session, unprepared } from '../db/database.ts'

type Key = Parameters<typeof symmetricEncrypt>[0]['key']

/** A column of texts that Better Auth encrypts. */
interface Column {
  readonly table: string
  readonly column: string
  /** Whether the text stands in JSON, in quotation marks. */
  readonly quoted: boolean
}

const columns: readonly Column[] = [
  { table: 'duly.jwks', column: '"privateKey"', quoted: true },
  { table: 'duly."twoFactor"', column: 'secret', quoted: false },
  { table: 'duly."twoFactor"', column: '"backupCodes"', quoted: false },
]

/**
 * Re-encrypts with the current secret what older secrets have encrypted. Several replicas may run
 * this at the same time, and users may change the rows meanwhile: a row is written only if it is
 * still what was read.
 * @returns the number of texts written
 */
export async function reencrypt(db: Session, key: Key): Promise<number> {
  if (typeof key === 'string') return 0
  let count = 0
  for (const { table, column, quoted } of columns) {
    const page = unprepared(`select id, ${column} from ${table} where id > $1 order by id limit 500`)
    const write = unprepared(
      `update ${table} set ${column} = $2 where id = $1 and ${column} = $3 returning id`,
    )
    for (let after: string | undefined = ''; after !== undefined; ) {
      const rows: readonly (readonly (string | null)[])[] = await db.query(page, [after])
      for (const [id, stored] of rows as [string, string][]) {
        const text: string = quoted ? JSON.parse(stored) : stored
        if (parseEnvelope(text)?.version === key.currentVersion) continue
        const encrypted = await symmetricEncrypt({ key, data: await symmetricDecrypt({ key, data: text }) })
        const written = await db.query(write, [id, quoted ? JSON.stringify(encrypted) : encrypted, stored])
        count += written.length
      }
      after = rows.length === 500 ? String(rows.at(-1)?.[0]) : undefined
    }
  }
  return count
}
