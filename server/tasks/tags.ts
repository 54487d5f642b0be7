import { InvalidValue } from '../fields/field.ts'
import { checkStorable } from '../fields/storable.ts'
import { isBlank } from '../fields/visible.ts'
import { notValue, quote } from '../quote.ts'

const most = { tags: 20, characters: 50 }

/** Tags as a client sends them, trimmed. @throws InvalidValue */
export function readTags(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new InvalidValue(`must be an array of strings${notValue(value)}`)
  const other: unknown = value.find(tag => typeof tag !== 'string')
  if (other !== undefined) throw new InvalidValue(`must be an array of strings, without ${quote(other)}`)
  return checkTags(value.map(tag => tag.trim()))
}

/** @throws InvalidValue */
export function checkTags(tags: readonly string[]): readonly string[] {
  if (tags.length > most.tags)
    throw new InvalidValue(`must have at most ${most.tags} entries, not ${tags.length}`)
  for (const tag of tags) {
    if (Array.from(tag).length > most.characters)
      throw new InvalidValue(`must have at most ${most.characters} characters each: ${quote(tag)} is longer`)
    checkStorable(tag)
    if (isBlank(tag)) throw new InvalidValue('must each contain a visible character')
    if (tag.includes(',')) throw new InvalidValue(`must not contain commas: ${quote(tag)}`)
  }
  const keys = tags.map(tagKey)
  const repeated = tags.find((_, n) => keys.indexOf(keys[n] ?? '') < n)
  if (repeated !== undefined) throw new InvalidValue(`must not repeat a tag: ${quote(repeated)}`)
  return tags
}

/** Equal for tags that count as the same: compared after NFC and case folding. */
export const tagKey = (tag: string): string => tag.normalize('NFC').toLowerCase().toUpperCase().toLowerCase()
