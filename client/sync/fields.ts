import type { Item } from './operations.ts'

// The fields of a change, each with its value. A key of `metadata` is a field of its own, such as
// `metadata/color`, since a change sets it alone.

export type Fields = Readonly<Record<string, unknown>>

const prefix = 'metadata/'

export function fieldsOf(changes: object): Fields {
  const { metadata, ...fields } = changes as { readonly metadata?: object | null }
  if (metadata === undefined) return fields
  if (metadata === null) return { ...fields, metadata: {} }
  return Object.fromEntries([
    ...Object.entries(fields),
    ...Object.entries(metadata).map(([name, value]) => [prefix + name, value]),
  ])
}

/** The opposite of `fieldsOf`. */
export function changesOf(fields: Fields): object {
  const metadata: [string, unknown][] = []
  const changes: [string, unknown][] = []
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(prefix)) metadata.push([name.slice(prefix.length), value])
    else changes.push([name, name === 'metadata' ? null : value])
  }
  if (metadata.length > 0) changes.push(['metadata', Object.fromEntries(metadata)])
  return Object.fromEntries(changes)
}

/** The values of these fields in an item. */
export function valuesIn(item: Item, names: Iterable<string>): Fields {
  const { metadata = {}, ...rest } = item as { metadata?: object }
  const all: Fields = { ...rest, metadata, ...fieldsOf({ metadata }) }
  return Object.fromEntries([...names].map(name => [name, all[name] ?? null]))
}

/** Whether two values are the same, whatever the order of members and `at` of a date. */
export const isSame = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b)

const canonical = (value: unknown): string =>
  JSON.stringify(value ?? null, (_name, part) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    const members = Object.entries(part).filter(([name]) => name !== 'at' || !('date' in part))
    return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)))
  })

/** The names of the fields that both sides have changed, to different values. */
export const overlapOf = (base: Fields, mine: Fields, theirs: Fields): string[] =>
  Object.keys(mine).filter(name => !isSame(theirs[name], base[name]) && !isSame(theirs[name], mine[name]))

export const pick = (fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(names.map(name => [name, fields[name]]))

export const omit = (fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))
