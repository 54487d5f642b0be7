import type { Server } from 'node:http'
import type { onRequestHookHandler } from 'fastify'

/** Milliseconds in which requests are begun, in a turn of the event loop. */
const sliceMs = 0.25

/**
 * A hook that begins a few requests at a turn of the event loop while connections come in. libuv takes one new connection a turn
 * (uv__server_io): beside a crowd whose requests fill turns of a hundred milliseconds, the last of a thousand that come at
 * once would wait for minutes.
 */
export function inSlices(server: Server): onRequestHookHandler {
  const waiting: (() => void)[] = []
  let isSlicing = false
  let hasCome = false
  const slice = () => {
    if (hasCome) {
      hasCome = false
      setImmediate(slice)
    } else {
      isSlicing = false
    }
    const end = isSlicing ? performance.now() + sliceMs : Number.POSITIVE_INFINITY
    let begun = 0
    do waiting[begun++]?.()
    while (begun < waiting.length && performance.now() < end)
    waiting.splice(0, begun)
  }
  server.on('connection', () => {
    hasCome = true
    if (isSlicing) return
    isSlicing = true
    setImmediate(slice)
  })
  return (_request, _reply, done) => {
    if (isSlicing) waiting.push(done)
    else done()
  }
}
