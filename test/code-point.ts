import fc from 'fast-check'

const surrogates = { first: 0xd800, count: 0x800 }

/**
 * Any character of Unicode, as a unit for `fc.string`. The unit `binary` of fast-check first
 * creates a map of all of them, which takes 1.5 seconds.
 */
export const codePoint = fc
  .integer({ min: 0, max: 0x10ffff - surrogates.count })
  .map(number => String.fromCodePoint(number < surrogates.first ? number : number + surrogates.count))
