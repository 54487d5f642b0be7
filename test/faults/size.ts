/** `npm run test:faults` writes more and breaks more; `npm test` tries every fault too, once. */
export const long = process.env.TEST_FAULTS === 'long'

export function size(short: number, full: number): number {
  return long ? full : short
}
