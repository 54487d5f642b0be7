import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { readInTime } from './slow-upload.ts'

const read = async (body: Readable, slowest: Parameters<typeof readInTime>[1]) => {
  const chunks: string[] = []
  for await (const chunk of readInTime(body, slowest)) {
    chunks.push(chunk.toString())
    await turn()
  }
  return chunks
}

describe('a streamed body', () => {
  it('may take long while enough bytes arrive', async () => {
    const body = Readable.from(['one', 'two', 'three'].map(text => Buffer.from(text)))
    assert.deepEqual(await read(body, { bytes: 3, ms: 60_000 }), ['one', 'two', 'three'])
  })

  it('is rejected if nothing more arrives', async () => {
    const body = new Readable({ read: () => undefined })
    body.push(Buffer.from('one'))
    await assert.rejects(read(body, { bytes: 1, ms: 50 }), { code: 'bad_request' })
  })

  it('is rejected if it arrives too slowly', async () => {
    const drops = async function* () {
      for (;;) {
        await pause(5)
        yield Buffer.from('.')
      }
    }
    await assert.rejects(read(Readable.from(drops()), { bytes: 2 ** 30, ms: 50 }), { code: 'bad_request' })
  })
})
