// How many bytes a row is counted as: its texts, and a constant for the rest of the row and its index entries, as measured by
// `npm run bench size`. The size follows from the row alone, so that whoever adds it and whoever subtracts it agree.

const texts = ['title', 'title_key', 'description', 'description_key'] as const
type Text = (typeof texts)[number] | 'user_id'

const taskRow = 350
const taskCopiesOfOwner = 4
const keyRow = 200
const keyCopiesOfOwner = 3

const lengthOf = (text: string) => `coalesce(octet_length(${text}), 0)`

/** Of the texts alone. @param text the SQL of each */
const textBytes = (text: (column: Text) => string) => texts.map(column => lengthOf(text(column))).join(' + ')

/** @param text the SQL of each text */
export const taskBytes = (text: (column: Text) => string) =>
  `(${taskRow} + ${taskCopiesOfOwner} * octet_length(${text('user_id')}) + ${textBytes(text)})`

export const textBytesIn = (table: string) => `(${textBytes(column => `${table}.${column}`)})`
export const taskBytesIn = (table: string) => taskBytes(column => `${table}.${column}`)

/** As `taskBytes`, for a task that is not stored yet. */
export function bytesOfNewTask(owner: string, ...values: readonly (string | null)[]): number {
  const lengths = values.map(text => (text === null ? 0 : Buffer.byteLength(text)))
  return lengths.reduce((sum, length) => sum + length, taskRow + taskCopiesOfOwner * Buffer.byteLength(owner))
}

/** Of the answer that is stored with an idempotency key. */
export const answerBytesIn = (table: string) =>
  `(${lengthOf(`${table}.headers`)} + ${lengthOf(`${table}.body`)})`

/** Of an idempotency key with its answer. */
export const keyBytesIn = (table: string) =>
  `(${keyRow} + ${keyCopiesOfOwner} * octet_length(${table}.user_id) + 2 * octet_length(${table}.key)
    + octet_length(${table}.fingerprint) + ${answerBytesIn(table)})`
