import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'
import type { TextLimits } from '../tasks/task.ts'

// How much a request may be. Whatever is refused here is refused before a byte of the body is read.

/** Bytes of a body. */
export const longestBody = 64 * 1024
/** Bytes of the first line and the headers together; Node's parser refuses more. */
export const largestHead = 16 * 1024
const longestAddress = 8 * 1024
const mostHeaders = 100

/**
 * Bytes of a body that brings a task. Programs that write JSON in ASCII (Python's do) need twelve for a character such as 🐑, two
 * escapes of six: what the limits of characters allow is not refused for how it is written.
 */
export function longestTask({ title, description }: TextLimits): number {
  const rest = 1024
  return Math.max(longestBody, 12 * (title + description) + rest)
}

export function oversized({ url = '', rawHeaders }: IncomingMessage): AppError | undefined {
  if (url.length > longestAddress) {
    return new AppError('address_too_long', 'The address of the request is too long.')
  }
  if (rawHeaders.length > 2 * mostHeaders) {
    return new AppError('headers_too_large', `There are more than ${mostHeaders} headers.`)
  }
  return undefined
}
