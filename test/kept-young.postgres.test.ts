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

// Objects that survive two minor collections stay until a full one. That cost up to a tenth of the
// CPU time of a write when a callback of each survived. Measured by samples.
it('few bytes of a write survive V8’s minor collections', async () => {
  const program = fileURLToPath(new URL('./surviving-bytes.js', import.meta.url))
  const { code, stdout, stderr } = await duly([], database.env, program).ended
  assert.equal(code, 0, stderr)
  assert.ok(Number(stdout) > 0 && Number(stdout) < 500, `${stdout} bytes of each write survive`)
})
