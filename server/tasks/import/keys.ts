import { type Session, statement } from '../../db/database.ts'
import { keyBytes } from '../bytes.ts'
import { itemTypes, outcomes } from '../changes.ts'
import { hashed } from '../keys.ts'

// Idempotency keys of the lines of an import. A repeated import adds only the missing lines.

export interface Line {
  readonly type: 'task' | 'list'
  /** The id in the line. */
  readonly id: number
}

/** $2 keys. */
const find = statement(
  'duly_import_found',
  `select keys.key::text, keys.item_id from duly.keys where keys.user_id = $1 and keys.key = any($2::uuid[])`,
)

/** $2 keys, $3 types and $4 ids of items, $5 revision, $6 time. Returns the bytes. */
const add = statement(
  'duly_import_keys',
  `with added as (
    insert into duly.keys (user_id, key, fingerprint, claim, item_type, item_id, revision, outcome, at)
    select $1, line.key, line.key, 0, line.type, line.id, $5::bigint, ${outcomes.created}, $6::text::timestamptz
    from unnest($2::uuid[], $3::smallint[], $4::bigint[]) as line (key, type, id) returning keys.key
  )
  select count(*) * ${keyBytes()} from added`,
)

/** The key of a line of an import. */
export const keyOf = (importId: string, { type, id }: Line): string =>
  hashed(`import\n${importId}\n${type}\n${id}`)

/** The ids of items that were imported before, by key. */
export async function importedBefore(
  db: Session,
  owner: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query(find, [owner, keys])
  return new Map(rows.map(([key, id]) => [String(key), Number(id)]))
}

export interface Imported {
  readonly key: string
  readonly type: Line['type']
  /** Of the new item. */
  readonly id: number
}

/** Stores the keys. @returns their bytes */
export async function storeKeys(
  db: Session,
  owner: string,
  lines: readonly Imported[],
  { revision, at }: { readonly revision: number; readonly at: string },
): Promise<number> {
  const [[bytes] = []] = await db.query(add, [
    owner,
    lines.map(({ key }) => key),
    lines.map(({ type }) => itemTypes[type]),
    lines.map(({ id }) => id),
    revision,
    at,
  ])
  return Number(bytes)
}
