/** Requests per second, and at once after a pause. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** Milliseconds per request. */
export function costMs({ perSecond }: Rate): number {
  return 1000 / perSecond
}

/** Milliseconds in which an empty bucket fills. */
export function fillingMs({ perSecond, burst }: Rate): number {
  return (burst * 1000) / perSecond
}

/** Tolerance for rounding errors: a thousandth of a request. */
export function toleranceMs(rate: Rate): number {
  return costMs(rate) / 1000
}
