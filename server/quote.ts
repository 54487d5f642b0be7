const most = 60

/**
 * A value for a message: a text in quotes, escaped and cut to one short line; an object or an array
 * by its type alone.
 */
export function quote(value: unknown): string {
  if (typeof value === 'string') {
    const short = value.length > most ? `${value.slice(0, most)}…` : value
    return JSON.stringify(short.toWellFormed()).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, escaped)
  }
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** Control and format characters can change how the rest of the line is shown. */
const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** A field, to begin a sentence: `Due date` for `due_date`, `New password` for `newPassword`. */
export const labelOf = (name: string): string =>
  name
    .replace(/[a-z](?=[A-Z])/g, '$& ')
    .replaceAll('_', ' ')
    .replace(/ [A-Z](?=[a-z])/g, word => word.toLowerCase())
    .replace(/^./, first => first.toUpperCase())

/** The end of a sentence about what a value must be: `, not "x"`. Empty if there was no value. */
export const notValue = (value: unknown): string => (value === undefined ? '' : `, not ${quote(value)}`)
