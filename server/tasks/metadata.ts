import { InvalidValue } from '../fields/field.ts'

export type Metadata = Readonly<Record<string, unknown>>

/** Bytes of compact JSON. */
const mostBytes = 4096

/** @throws InvalidValue */
export function readMetadata(value: unknown): Metadata {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidValue('must be an object')
  if (sizeOf(value) > mostBytes) throw new InvalidValue(`must have at most ${mostBytes} bytes as JSON`)
  if (!isStorable(value))
    throw new InvalidValue('must not contain a NUL character or half of a surrogate pair')
  return value as Metadata
}

/**
 * Sets the members of `patch`; null removes one.
 * @throws InvalidValue where the result is too long
 */
export function patchMetadata(metadata: Metadata, patch: Metadata): Metadata {
  const members = Object.entries({ ...metadata, ...patch }).filter(([, member]) => member !== null)
  return readMetadata(Object.fromEntries(members))
}

function sizeOf(value: object): number {
  try {
    return Buffer.byteLength(JSON.stringify(value))
  } catch (error) {
    // V8 gives up on thousands of levels, which need more bytes than are allowed.
    if (error instanceof RangeError) return Number.POSITIVE_INFINITY
    throw error
  }
}

/** Whether PostgreSQL can store every text in it. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, member]) => isStorable(name) && isStorable(member))
}
