import type { TextLimits } from '../tasks/task.ts'

// Limits of a request.

/** Bytes of a body. */
export const longestBody = 64 * 1024
/** Bytes of the request line and the headers. Node's parser rejects more. */
export const largestHead = 16 * 1024

/**
 * Bytes of a body with a task. Programs that write JSON in ASCII, such as Python's `json`, need twelve bytes for a character such as
 * 🐑. So every text within the limits of characters is accepted.
 */
export function longestTask({ title, description }: TextLimits): number {
  const rest = 1024
  return Math.max(longestBody, 12 * (title + description) + rest)
}
