import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { cpSync } from 'node:fs'
import { it } from 'node:test'
import { callAt, newUser, ownDatabase } from '../served.ts'
import { size } from '../size.ts'
import { Ledger } from './ledger.ts'
import { Servers } from './servers.ts'
import { smallDisk } from './small-disk.ts'

const mebibyte = 1024 * 1024

// The disk is full either for the tables or for the next file of the write-ahead log, without which
// PostgreSQL stops and has to restart.
for (const [what, left] of [
  ['tables', mebibyte],
  ['write-ahead log', 14 * mebibyte],
] as const) {
  it(`a full disk (no room for the ${what}) is reported, loses nothing, and recovers once there is room`, async test => {
    const disk = await smallDisk(200)
    if (!disk) return test.diagnostic('skipped: this system does not allow mounting a small file system')
    const own = await ownDatabase()
    cpSync(String(own.env.DATA_DIR), disk.folder, { recursive: true })
    await own.drop()
    const env = { DATA_DIR: disk.folder }
    const servers = new Servers(env)
    test.after(async () => {
      await servers.killAll()
      await disk.remove()
    })
    const { url } = await servers.start()
    const ledger = new Ledger(servers.urls)
    for (let round = 0; round < size(1, 3); round += 1) {
      await ledger.another(size(50, 1000))
      disk.fill(left)
      // Large tasks fill the remaining room faster.
      const larges = Array.from({ length: 8 }, () => writeLargeTasks(url))
      for (const status of await Promise.all(larges)) assert.equal(status, 503)
      await ledger.troubled()
      disk.free()
      await ledger.another(size(50, 1000))
    }
    await ledger.settle()
    test.diagnostic(await ledger.audit(env, servers.stopAll))
  })
}

/** Writes until one is rejected. @returns its status */
async function writeLargeTasks(url: string): Promise<number> {
  const user = newUser('large')
  for (;;) {
    // Random, so that it cannot be compressed.
    const letters = randomFillSync(new Uint16Array(5000)).map(number => 0x4e00 + (number % 20_000))
    const description = Buffer.from(letters.buffer).toString('utf16le')
    const { status } = await callAt(url, 'POST', '/api/v1/tasks', {
      user,
      json: { title: 'large', description },
    })
    if (status !== 201) return status
  }
}
