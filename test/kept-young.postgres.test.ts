import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { duly } from './program.ts'
import { type OwnDatabase, ownDatabase } from './served.ts'

let database: OwnDatabase
before(async () => {
  database = await ownDatabase()
})
after(() => database.drop())

// What survives two collections of young objects stays until V8 collects all of its memory. That
// cost up to a tenth of the CPU of a write when a callback of each survived. Counted by samples.
it('of what a write makes, little is left when V8 collects young objects', async () => {
  const program = fileURLToPath(new URL('./bytes-that-stay.js', import.meta.url))
  const { code, stdout, stderr } = await duly([], database.env, program).ended
  assert.equal(code, 0, stderr)
  assert.ok(Number(stdout) > 0 && Number(stdout) < 500, `${stdout} bytes of each write stay`)
})
