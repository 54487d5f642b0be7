// Limits of a request.

/** Bytes of a body. */
export const longestBody = 64 * 1024
/** Bytes of the request line and the headers. Node's parser rejects more. */
export const largestHead = 16 * 1024
