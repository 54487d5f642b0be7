import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type OwnDatabase, ownDatabase } from './served.ts'

let database: OwnDatabase
before(async () => {
  database = await ownDatabase()
})
after(() => database.drop())

// What outlives the first collection is copied, and what outlives two stays until all memory is looked through: it took up to a
// tenth of a write's CPU when a callback of each did so. Counted by samples, a few hundred of them.
it('of what a write makes, little is left when V8 collects young objects', async () => {
  const program = fileURLToPath(new URL('./bytes-that-stay.js', import.meta.url))
  const { NODE_V8_COVERAGE: _, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, [program], {
    env: { ...env, ...database.env },
  })
  assert.ok(Number(stdout) > 0 && Number(stdout) < 600, `${stdout} bytes of each write stay`)
})
