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

// What outlives the first collection is copied, and what outlives two stays until all memory is looked through: it took up to a
// tenth of a write's CPU when a callback of each did so. Counted by samples, a few hundred of them.
it('of what a write makes, little is left when V8 collects young objects', async () => {
  const program = fileURLToPath(new URL('./bytes-that-stay.js', import.meta.url))
  const { code, stdout, stderr } = await duly([], database.env, program).ended
  assert.equal(code, 0, stderr)
  assert.ok(Number(stdout) > 0 && Number(stdout) < 2000, `${stdout} bytes of each write stay`)
})
