import fc from 'fast-check'

// How much generated, load and fault tests try: a part in `npm test`, all in `npm run test:faults`.

export const long = process.env.TEST_FAULTS === 'long'

/** The seed of all random values. `TEST_SEED` repeats a run. */
export const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31)

export function size(short: number, full: number): number {
  return long ? full : short
}

let drawn = 0

/** Some of these values at random, in their order; all of them at full length. */
export function someOf<T>(values: readonly T[], count: number): readonly T[] {
  if (long || values.length <= count) return values
  drawn += 1
  const subarrays = fc.subarray([...values], { minLength: count, maxLength: count })
  return fc.sample(subarrays, { seed: seed + drawn, numRuns: 1 })[0] ?? []
}
