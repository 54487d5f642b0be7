import { tasks } from './fields.ts'

// The bytes that a row counts as: its texts, and a constant for the rest of the row and its index
// entries, as measured by `npm run bench size`. They are computed from the row alone, so the
// statement that adds a row and the one that removes it count the same.

const taskRow = 350
const taskCopiesOfOwner = 4
const keyRow = 220
const keyCopiesOfOwner = 3
const changeRow = 180
const changeCopiesOfOwner = 2

/** Bytes of a task, live or in the trash. @param text the SQL of each text column */
export const taskBytes = (owner: string, text: (column: string) => string) =>
  `(${[taskRow, `${taskCopiesOfOwner} * octet_length(${owner})`, ...Object.entries(tasks.sized).map(([column, bytesOf]) => bytesOf(text(column)))].join(' + ')})`

/** Bytes of a task without texts. */
export const leastTaskBytes = (owner: string): number =>
  taskRow + taskCopiesOfOwner * Buffer.byteLength(owner)

export const taskBytesIn = (table: string) => taskBytes(`${table}.user_id`, column => `${table}.${column}`)

/** Bytes of an idempotency key. @param owner its SQL @param answer SQL of a stored answer */
const keyBytesOf = (owner: string, answer?: string) =>
  `(${keyRow} + ${keyCopiesOfOwner} * octet_length(${owner})${answer ? ` + coalesce(octet_length(${answer}), 0)` : ''})`
/** Bytes of an idempotency key of the owner `$1`. */
export const keyBytes = (answer?: string) => keyBytesOf('$1', answer)
export const keyBytesIn = (table: string) => keyBytesOf(`${table}.user_id`, `${table}.answer`)

/**
 * Bytes of an entry of the change log of the owner `$1`. The entry stores this number.
 * @param values SQL of the bytes of each logged value
 */
export const changeBytes = (values: readonly string[] = []) =>
  `(${[changeRow, `${changeCopiesOfOwner} * octet_length($1)`, ...values].join(' + ')})`

/** Bytes of an entry of the change log without its values. */
export const changeOverhead = (owner: string): number =>
  changeRow + changeCopiesOfOwner * Buffer.byteLength(owner)
