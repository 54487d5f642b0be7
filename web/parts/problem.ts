import { tl } from '../texts/later-texts.ts'

/** The reason of a failed request. It is a TypeError if there was no response. */
export const problemOf = (error: unknown): string =>
  error instanceof TypeError ? tl().needsNetwork : (error as Error).message
