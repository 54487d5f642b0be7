import { type Session, unprepared } from '../db/database.ts'

/** A table, as in the catalog. Backups follow the catalog, so that no table is forgotten. */
export interface Table {
  readonly name: string
  readonly columns: readonly Column[]
}

export interface Column {
  readonly name: string
  readonly type: string
  /** Whether PostgreSQL generates its values. */
  readonly identity: boolean
  readonly isText: boolean
  /** Position in the primary key, or null. */
  readonly keyPosition: number | null
}

const catalog = unprepared(
  `select c.relname,
    (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
        'identity', a.attidentity <> '', 'isText', a.attcollation <> 0,
        'keyPosition', array_position(k.indkey::int2[], a.attnum)) order by a.attnum)
      from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    (select coalesce(json_agg(distinct r.relname), '[]') from pg_constraint f join pg_class r on r.oid = f.confrelid
      where f.conrelid = c.oid and f.contype = 'f' and f.confrelid <> c.oid)
  from pg_class c left join pg_index k on k.indrelid = c.oid and k.indisprimary
  where c.relnamespace = to_regnamespace('duly') and c.relkind in ('r', 'p') and c.relname <> 'migrations'
  order by c.relname collate "C"`,
)

/** The tables of the schema. A table comes after those it refers to. */
export async function tablesIn(session: Session): Promise<Table[]> {
  const rows = (await session.query(catalog)) as [string, string, string][]
  let left = rows.map(([name, columns, refersTo]) => ({
    table: { name, columns: JSON.parse(columns) as Column[] },
    refersTo: JSON.parse(refersTo) as string[],
  }))
  const ordered: Table[] = []
  while (left.length > 0) {
    const waiting = new Set(left.map(({ table }) => table.name))
    const next = left.filter(({ refersTo }) => !refersTo.some(name => waiting.has(name)))
    if (next.length === 0) throw new Error(`${[...waiting].join(', ')} refer to each other`)
    ordered.push(...next.map(({ table }) => table))
    left = left.filter(entry => !next.includes(entry))
  }
  return ordered
}

/** A quoted identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** The primary key as ORDER BY terms, with the same order in every collation. */
export function keyOf({ columns }: Table): string {
  const key = columns.filter(({ keyPosition }) => keyPosition !== null)
  key.sort((a, b) => Number(a.keyPosition) - Number(b.keyPosition))
  return key.map(({ name, isText }) => quoted(name) + (isText ? ' collate "C"' : '')).join(', ')
}

/**
 * The last value that PostgreSQL generated for an identity column, or 0. It is above the highest
 * row if rows were deleted.
 */
export async function lastGiven(session: Session, table: Table, column: Column): Promise<string> {
  const place = [`duly.${quoted(table.name)}`, column.name]
  const [row] = await session.query(unprepared('select pg_get_serial_sequence($1, $2)'), place)
  // The name comes from the catalog, quoted by PostgreSQL.
  const text = `select case when is_called then last_value else 0 end from ${row?.[0]}`
  return String((await session.query(unprepared(text)))[0]?.[0])
}
