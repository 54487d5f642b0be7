import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { PacedReading } from './paced-reading.ts'

const chunk = 64 * 1024

/** A stream on which everything has arrived already. */
function arrived(sizes: readonly number[]): Readable {
  const stream = new Readable({ read() {}, highWaterMark: 10 * chunk })
  for (const size of sizes) stream.push(Buffer.alloc(size))
  stream.push(null)
  return stream
}

describe('what arrives', () => {
  it('is read in turns if it is long, and wholly', async () => {
    const reading = new PacedReading()
    const streams = [arrived(Array(20).fill(chunk)), arrived([...Array(20).fill(chunk), 7])]
    let read = 0
    let inTurn = 0
    let most = 0
    let isTurning = true
    const look = () => {
      most = Math.max(most, inTurn)
      inTurn = 0
      if (isTurning) setImmediate(look)
    }
    setImmediate(look)
    for (const stream of streams) {
      stream.on('data', ({ length }: Buffer) => {
        read += length
        inTurn += length
      })
      reading.pace(stream)
    }
    await Promise.all(streams.map(stream => once(stream, 'end')))
    isTurning = false
    assert.equal(read, 40 * chunk + 7)
    // Those that have not been held back yet bring one chunk each before they are.
    assert.ok(most <= 4 * chunk, `${most / chunk} chunks in a turn`)
  })

  it('is not held up if it is short', async () => {
    const stream = arrived(Array(50).fill(1000))
    new PacedReading().pace(stream)
    let chunks = 0
    stream.on('data', () => {
      chunks += 1
    })
    await turn()
    assert.equal(chunks, 50)
  })
})
