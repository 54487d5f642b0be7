// Limits of a request.

/** Bytes of a body. */
export const longestBody = 64 * 1024
/** Bytes of the request line and the headers. Node's parser rejects more. */
export const largestHead = 16 * 1024

/**
 * Bytes of a body with so many characters of text, and others beside them. Programs that write JSON
 * in ASCII (Python's do) need twelve bytes for some characters, two escapes of six: what the limits
 * allow is not refused for how it is written.
 */
export const bodyOf = (characters: number, others: number): number =>
  Math.max(longestBody, 12 * characters + others)
