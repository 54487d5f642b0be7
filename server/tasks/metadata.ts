import { InvalidValue } from '../fields/field.ts'
import { checkStorable } from '../fields/storable.ts'
import { notValue } from '../quote.ts'

export type Metadata = Readonly<Record<string, unknown>>

/** Bytes of compact JSON. */
const maxBytes = 4096

/** @throws InvalidValue */
export function readMetadata(value: unknown): Metadata {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidValue(`must be an object${notValue(value)}`)
  if (sizeOf(value) > maxBytes) throw new InvalidValue(`must have at most ${maxBytes} bytes as JSON`)
  checkValues(value)
  return value as Metadata
}

/**
 * Sets the members of `patch`; null removes one.
 * @throws InvalidValue if the result is too long
 */
export function patchMetadata(metadata: Metadata, patch: Metadata): Metadata {
  const members = Object.entries({ ...metadata, ...patch }).filter(([, member]) => member !== null)
  return readMetadata(Object.fromEntries(members))
}

function sizeOf(value: object): number {
  try {
    return Buffer.byteLength(JSON.stringify(value))
  } catch (error) {
    // `JSON.stringify` fails for thousands of levels, which exceed the limit anyway.
    if (error instanceof RangeError) return Number.POSITIVE_INFINITY
    throw error
  }
}

/**
 * @throws InvalidValue for texts that PostgreSQL cannot store, and for numbers that were rounded
 * when the JSON was parsed
 */
function checkValues(value: unknown): void {
  if (typeof value === 'string') checkStorable(value)
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER)
    throw new InvalidValue(
      `must not contain a number beyond ${Number.MAX_SAFE_INTEGER}, which JSON rounds; send it as a string`,
    )
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) {
    checkStorable(name)
    checkValues(member)
  }
}
