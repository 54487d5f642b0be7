import { InvalidValue } from '../fields/field.ts'
import { checkStorable } from '../fields/storable.ts'
import { isBlank } from '../fields/visible.ts'

const most = { tags: 20, characters: 50 }

/** Tags as a client sends them, trimmed. @throws InvalidValue */
export function readTags(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every(tag => typeof tag === 'string'))
    throw new InvalidValue('must be an array of strings')
  return checkTags(value.map(tag => tag.trim()))
}

/** @throws InvalidValue */
export function checkTags(tags: readonly string[]): readonly string[] {
  if (tags.length > most.tags) throw new InvalidValue(`must have at most ${most.tags} entries`)
  for (const tag of tags) {
    if (Array.from(tag).length > most.characters)
      throw new InvalidValue(`must have at most ${most.characters} characters each`)
    checkStorable(tag)
    if (isBlank(tag)) throw new InvalidValue('must contain a visible character each')
    if (tag.includes(',')) throw new InvalidValue('must not contain commas')
  }
  const keys = tags.map(tagKey)
  if (new Set(keys).size < keys.length) throw new InvalidValue('must not repeat a tag')
  return tags
}

/** Equal for tags that count as the same: compared after NFC and case folding. */
export const tagKey = (tag: string): string => tag.normalize('NFC').toLowerCase().toUpperCase().toLowerCase()
