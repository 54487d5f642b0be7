import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { Connections } from './connections.ts'

const mebibyte = 1024 * 1024
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A server whose responses have `bytes`, and a clock that the test sets. */
async function guarded({ bytes = 2, most = 1000 }: { bytes?: number; most?: number } = {}) {
  const body = Buffer.alloc(bytes, 'x')
  const server = createServer((_request, response) => response.end(body))
  const clock = { now: 0 }
  const said: string[] = []
  const log = pino({}, { write: line => said.push(JSON.parse(line).msg) })
  const connections = new Connections(server, log, { most, now: () => clock.now })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  closers.push(() => {
    connections.stop()
    server.closeAllConnections()
    server.close()
  })
  const client = async (from = '127.0.0.1') => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from })
    socket.on('error', () => {})
    closers.push(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  const ask = (socket: Socket) => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  return { connections, clock, said, client, ask }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(5)
}

/** A socket only detects that the other side has closed it while it reads. */
const closed = (socket: Socket) => socket.closed || once(socket.resume(), 'close')

describe('a client that does not read its response', () => {
  it('is disconnected after 30 s in which it has read too little', async () => {
    const { connections, clock, said, client, ask } = await guarded({ bytes: 20 * mebibyte })
    const socket = await client()
    socket.pause()
    ask(socket)
    await until(() => {
      connections.look()
      return connections.unread > 0
    })
    clock.now = 29_999
    connections.look()
    assert.equal(connections.cut, 0)
    clock.now = 30_001
    connections.look()
    assert.equal(connections.cut, 1)
    await closed(socket)
    assert.deepEqual(said, ['closed connections whose clients read too slowly'])
  })

  it('is disconnected as well if it reads single bytes', async () => {
    const { connections, clock, client, ask } = await guarded({ bytes: 20 * mebibyte })
    const socket = await client()
    socket.pause()
    ask(socket)
    await until(() => {
      connections.look()
      return connections.unread > 0
    })
    for (; clock.now < 31_000; clock.now += 1000) {
      socket.read(1)
      connections.look()
    }
    assert.equal(connections.cut, 1)
  })

  it('is not disconnected while it keeps reading, however long the response takes', async () => {
    const { connections, clock, client, ask } = await guarded({ bytes: 40 * mebibyte })
    const socket = await client()
    let received = 0
    let wanted = 0
    socket.on('data', bytes => {
      received += bytes.length
      if (received >= wanted) socket.pause()
    })
    socket.pause()
    ask(socket)
    // Each time more than the buffers of the system hold.
    for (wanted = 12 * mebibyte; wanted < 40 * mebibyte; wanted += 12 * mebibyte) {
      socket.resume()
      await until(() => received >= wanted)
      clock.now += 31_000
      connections.look()
    }
    wanted = Number.POSITIVE_INFINITY
    socket.resume()
    await until(() => received > 40 * mebibyte)
    assert.equal(connections.cut, 0)
  })
})

describe('responses that are not read', () => {
  it('are bounded in total: those of the address with the most are dropped first', async () => {
    const { connections, client, ask } = await guarded({ bytes: 15 * mebibyte })
    const hogs = await Promise.all(Array.from({ length: 8 }, () => client('127.0.0.2')))
    const other = await client()
    for (const socket of [...hogs, other]) {
      socket.pause()
      ask(socket)
    }
    await until(() => {
      connections.look()
      return connections.cut > 0 && connections.unread > 0
    })
    assert.ok(connections.unread <= 64 * mebibyte)
    let received = 0
    other.on('data', bytes => {
      received += bytes.length
    })
    other.resume()
    await until(() => received > 15 * mebibyte)
  })
})

describe('connections', () => {
  it('of one address do not block another address', async () => {
    const { connections, client, ask } = await guarded({ most: 20 })
    let gone = 0
    const count = () => {
      gone += 1
    }
    const hogs = await Promise.all(Array.from({ length: 20 }, () => client('127.0.0.2')))
    for (const hog of hogs) hog.resume().on('close', count)
    await until(() => connections.open === 20)
    const others = []
    for (let n = 0; n < 8; n += 1) others.push(await client('127.0.0.1'))
    for (const socket of others) {
      ask(socket)
      await once(socket, 'data')
    }
    await until(() => gone === 8)
    assert.deepEqual([connections.open, connections.cut], [20, 8])
  })

  it('beyond the limit are rejected for the address that has the most', async () => {
    const { connections, client } = await guarded({ most: 20 })
    await Promise.all(Array.from({ length: 20 }, () => client('127.0.0.2')))
    await until(() => connections.open === 20)
    const further = await client('127.0.0.2')
    await closed(further)
    assert.deepEqual([connections.open, connections.cut], [20, 1])
  })
})
