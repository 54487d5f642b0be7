import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, before, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { receivingSocket } from './receiving-socket.ts'

const server = createServer()
before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(() => server.close())

async function connected(): Promise<{ near: Socket; far: Socket }> {
  const near = receivingSocket()
  const incoming = once(server, 'connection')
  near.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [far] = (await incoming) as [Socket]
  return { near, far }
}

it('sockets that share memory give each what it was sent, to the end', async () => {
  const both = [await connected(), await connected()]
  const texts = both.map(({ near, far }, n) => {
    let text = ''
    near.on('data', bytes => {
      text += String(bytes)
    })
    far.end(String(n).repeat(1_000_000))
    return once(near, 'end').then(() => text)
  })
  assert.deepEqual(await Promise.all(texts), ['0'.repeat(1_000_000), '1'.repeat(1_000_000)])
})

it('one that is paused gives nothing until it is resumed, also where it is paused as it gives', async () => {
  const { near, far } = await connected()
  let length = 0
  let isPaused = false
  near.on('data', bytes => {
    assert.ok(!isPaused)
    length += bytes.length
    isPaused = true
    near.pause()
    void turn().then(() => {
      isPaused = false
      near.resume()
    })
  })
  far.end(Buffer.alloc(1_000_000))
  await once(near, 'end')
  assert.equal(length, 1_000_000)
})
