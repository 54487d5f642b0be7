// Times of tasks: ISO 8601 in UTC with six decimals of a second, from PostgreSQL's microseconds
// since 2000.

export const isoLength = '2026-01-31T09:30:00.000000Z'.length
/** Length of the part that two times of the same second share. */
export const secondLength = '2026-01-31T09:30:00.'.length

const scratch = Buffer.alloc(isoLength)

/** @param second counted from 2000 @throws RangeError as `writeSecond` */
export function isoTime(second: number, microsecond: number): string {
  writeSecond(scratch, 0, second)
  writeFraction(scratch, secondLength, microsecond)
  return scratch.toString('latin1')
}

const secondOf = (time: string) => (Date.parse(time) - Date.UTC(2000, 0)) / 1000
const [first, last] = [secondOf('0001-01-01T00:00:00Z'), secondOf('9999-12-31T23:59:59Z')]

/**
 * The part that ends with the dot. Years begin in March here, so that a leap day is the last of
 * one.
 * @throws RangeError outside of the years 1 to 9999, which have no four digits (RFC 3339)
 */
export function writeSecond(bytes: Buffer, at: number, second: number): void {
  if (second < first || second > last) throw new RangeError(`a time outside of the years 1 to 9999`)
  const days = Math.floor(second / 86_400)
  const ofDay = (second - days * 86_400) | 0
  // As civil_from_days in Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms", for years
  // from 0.
  const sinceMarch0 = (days + 730_425) | 0
  const era = (sinceMarch0 / 146_097) | 0
  const ofEra = sinceMarch0 - era * 146_097
  const leapDays = ((ofEra / 1460) | 0) - ((ofEra / 36_524) | 0) + ((ofEra / 146_096) | 0)
  const yearOfEra = ((ofEra - leapDays) / 365) | 0
  const ofYear = ofEra - 365 * yearOfEra - ((yearOfEra / 4) | 0) + ((yearOfEra / 100) | 0)
  const fromMarch = ((5 * ofYear + 2) / 153) | 0
  const year = era * 400 + yearOfEra + (fromMarch < 10 ? 0 : 1)
  writeTwo(bytes, at, (year / 100) | 0)
  writeTwo(bytes, at + 2, year % 100)
  bytes[at + 4] = 0x2d
  writeTwo(bytes, at + 5, fromMarch < 10 ? fromMarch + 3 : fromMarch - 9)
  bytes[at + 7] = 0x2d
  writeTwo(bytes, at + 8, ofYear - (((153 * fromMarch + 2) / 5) | 0) + 1)
  bytes[at + 10] = 0x54
  writeTwo(bytes, at + 11, (ofDay / 3600) | 0)
  bytes[at + 13] = 0x3a
  writeTwo(bytes, at + 14, ((ofDay / 60) | 0) % 60)
  bytes[at + 16] = 0x3a
  writeTwo(bytes, at + 17, ofDay % 60)
  bytes[at + 19] = 0x2e
}

/** The part after the dot: six digits and `Z`. */
export function writeFraction(bytes: Buffer, at: number, microseconds: number): void {
  const fraction = microseconds | 0
  writeTwo(bytes, at, (fraction / 10_000) | 0)
  writeTwo(bytes, at + 2, ((fraction / 100) | 0) % 100)
  writeTwo(bytes, at + 4, fraction % 100)
  bytes[at + 6] = 0x5a
}

function writeTwo(bytes: Buffer, at: number, number: number): void {
  const tens = (number / 10) | 0
  bytes[at] = 0x30 + tens
  bytes[at + 1] = 0x30 + number - 10 * tens
}

/** Whether a date exists, in the years 1000 to 9999. */
export function isDate(text: string): boolean {
  if (!/^[1-9]\d{3}-\d\d-\d\d$/.test(text)) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}

/**
 * Whether a text is an instant (RFC 3339), to the microsecond at most: `2026-12-01T09:30:00+01:00`.
 */
export function isInstant(text: string): boolean {
  const [, date = ''] =
    /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/.exec(
      text,
    ) ?? []
  return isDate(date)
}
