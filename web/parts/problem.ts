import { tl } from '../texts/later-texts.ts'

/** Why a call failed. It is a TypeError if there was no response. */
export const problemOf = (error: unknown): string =>
  error instanceof TypeError ? tl().needsNetwork : (error as Error).message
