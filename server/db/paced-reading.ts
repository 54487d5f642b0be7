import type { Readable } from 'node:stream'

/** Bytes that are read in one turn of the event loop, over all streams, before the next turn begins. */
const mostATurn = 128 * 1024
/** What is shorter is not worth the counting. Over TLS there is nothing longer than PostgreSQL's buffer, 8 KiB. */
const long = 4 * 1024

/**
 * Has long answers arrive piece by piece, so that all else gets its turn in between. libuv reads up to two megabytes of a socket
 * before it looks at the next one (uv__read), and lists are printed as they are read: ten of them would keep everybody else
 * waiting for a tenth of a second.
 */
export class PacedReading {
  #read = 0
  readonly #heldBack: Readable[] = []
  #isTurning = false

  pace(stream: Readable): void {
    stream.on('data', (chunk: Uint8Array) => {
      if (chunk.length < long) return
      this.#read += chunk.length
      if (this.#read >= mostATurn) {
        stream.pause()
        this.#heldBack.push(stream)
      }
      if (this.#isTurning) return
      this.#isTurning = true
      setImmediate(this.#turn)
    })
  }

  readonly #turn = () => {
    this.#read = 0
    const next = this.#heldBack.shift()
    if (next) setImmediate(this.#turn)
    else this.#isTurning = false
    next?.resume()
  }
}
