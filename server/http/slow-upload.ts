import type { Readable } from 'node:stream'
import { AppError } from '../errors.ts'

/**
 * A client must send this much in this time. Time in which the server does not read is not counted.
 */
const slowest = { bytes: 30 * 1024, ms: 30_000 }

/**
 * The chunks of a body that is read while it is processed, so that it may take long to arrive.
 * @throws AppError `bad_request` where the client sends too slowly
 */
export async function* readInTime(
  body: Readable,
  { bytes: least, ms }: typeof slowest = slowest,
): AsyncGenerator<Buffer, void, undefined> {
  // The response is sent on the same connection, so an error must not close it.
  const chunks = body.iterator({ destroyOnReturn: false })
  let waited = 0
  let bytes = 0
  let isWaiting = false
  try {
    for (;;) {
      const begun = performance.now()
      isWaiting = true
      const next = await within(ms - waited, chunks.next())
      if (!next) throw new AppError('bad_request', tooSlow)
      isWaiting = false
      if (next.done) return
      waited += performance.now() - begun
      bytes += next.value.length
      if (bytes >= least) waited = bytes = 0
      yield next.value
    }
  } finally {
    // Lets the rest of the body flow. Would not return while it waits.
    const released = chunks.return?.()
    if (!isWaiting) await released
  }
}

const tooSlow = 'The body arrives too slowly. Send it again, from the beginning, with the same import id.'

/** @returns undefined after so many milliseconds */
async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(resolve, Math.max(0, ms), undefined)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
