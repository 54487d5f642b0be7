/** So many calls a second, and so many at once after a rest. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** Milliseconds in which one call more becomes possible. */
export function costMs({ perSecond }: Rate): number {
  return 1000 / perSecond
}

/** Milliseconds after which a key that has used all up is as if it had used nothing. */
export function fillingMs({ perSecond, burst }: Rate): number {
  return (burst * 1000) / perSecond
}

/** How far sums of fractions may be off: a thousandth of a call. */
export function toleranceMs(rate: Rate): number {
  return costMs(rate) / 1000
}
