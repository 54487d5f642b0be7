import { createServer, connect as dial, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const maxLateMs = 40

/**
 * What happens to connections. `shut`: closed and refused. `reset`: the same, with a TCP reset.
 * `slow`: every packet is delayed. `silent`: data is held back until the mode changes. `lost`: data
 * is discarded, and neither side is told that the connection has ended.
 */
export type Mode = 'open' | 'shut' | 'reset' | 'slow' | 'silent' | 'lost'

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** Half-open until the end of the test. */
  lost: boolean
}

/** A TCP proxy between the server and PostgreSQL, whose faults the test sets. */
export class FaultyNetwork {
  readonly #pairs = new Set<Pair>()
  readonly #target: URL
  #mode: Mode = 'open'
  readonly #server = createServer(client => this.#enter(client))
  port = 0

  constructor(target: string) {
    this.#target = new URL(target)
  }

  async listen(): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (typeof address === 'object' && address) this.port = address.port
  }

  /** The URL of PostgreSQL through this proxy. */
  get url(): string {
    const url = new URL(this.#target)
    url.port = String(this.port)
    return url.toString()
  }

  set(mode: Mode): void {
    this.#mode = mode
    for (const pair of this.#pairs) {
      pair.lost ||= mode === 'lost'
      for (const socket of [pair.client, pair.server]) {
        if (mode === 'shut') socket.destroy()
        else if (mode === 'reset') socket.resetAndDestroy()
        else if (mode === 'silent') socket.pause()
        else socket.resume()
      }
    }
  }

  /** Closes all connections, and still accepts new ones. */
  cut(): void {
    for (const { client, server } of this.#pairs) for (const socket of [client, server]) socket.destroy()
  }

  close(): void {
    this.set('shut')
    this.#server.close()
  }

  #enter(client: Socket): void {
    if (this.#mode === 'shut' || this.#mode === 'reset') {
      client.resetAndDestroy()
      return
    }
    const server = dial(Number(this.#target.port), this.#target.hostname)
    const pair = { client, server, lost: this.#mode === 'lost' }
    this.#pairs.add(pair)
    this.#lead(client, server, pair)
    this.#lead(server, client, pair)
    if (this.#mode === 'silent') for (const socket of [client, server]) socket.pause()
  }

  #lead(from: Socket, to: Socket, pair: Pair): void {
    let before = Promise.resolve()
    const late = (bytes: Buffer) => {
      const ms = this.#mode === 'slow' ? Math.random() * maxLateMs : 0
      before = Promise.all([before, pause(ms)]).then(() => {
        if (!to.destroyed) to.write(bytes)
      })
    }
    let wasLate = false
    from.on('data', (bytes: Buffer) => {
      if (pair.lost) return
      // Keeps the order: later packets wait for delayed ones.
      wasLate ||= this.#mode === 'slow'
      if (wasLate) late(bytes)
      else to.write(bytes)
    })
    from.on('error', () => {})
    from.on('close', () => {
      if (pair.lost) return
      this.#pairs.delete(pair)
      to.destroy()
    })
  }
}
