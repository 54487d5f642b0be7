import { brokenRules } from '../../errors.ts'
import { problemOf } from '../../fields/input.ts'
import { notValue } from '../../quote.ts'
import { checkTags, tagKey } from '../tags.ts'
import { type Change, tooLarge } from './change.ts'
import { maxItems, readTagged } from './rows.ts'

/**
 * Renames or removes a tag of all tasks that are not in the trash.
 * @param to the new name; undefined removes the tag
 * @returns how many tasks had the tag
 */
export async function replaceTag(change: Change, from: string, to?: string): Promise<number> {
  const key = tagKey(from.trim())
  const rows = await readTagged(change.db, change.owner.id, key)
  change.rows += rows.length
  if (rows.length > maxItems) throw tooLarge()
  for (const row of rows) {
    change.track(row, false)
    const tags = row.tags.flatMap(tag => (tagKey(tag) === key ? (to === undefined ? [] : [to]) : [tag]))
    const keys = tags.map(tagKey)
    change.setTask(row.id, { tags: tags.filter((tag, n) => keys.indexOf(tagKey(tag)) === n) })
  }
  return rows.length
}

/** A tag as a client sends it, trimmed. @throws AppError `broken_rule` */
export function readTag(value: unknown, field: string): string {
  if (typeof value !== 'string')
    throw brokenRules([{ field, message: `"${field}" must be a tag, as a string${notValue(value)}.` }])
  try {
    const [tag = ''] = checkTags([value.trim()])
    return tag
  } catch (error) {
    throw brokenRules([problemOf(error, field, `"${field}"`)])
  }
}
