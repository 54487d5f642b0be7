import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { getMigrations } from 'better-auth/db/migration'
import { createIssuer } from '../server/accounts/issuer.ts'
import { createLog } from '../server/log.ts'
import { ownMigratedDatabase, testSecret } from './served.ts'

let own: Awaited<ReturnType<typeof ownMigratedDatabase>>
before(async () => {
  own = await ownMigratedDatabase()
})
after(() => own.close())

it('Better Auth finds all tables, columns and indexes that it requires', async () => {
  const nothing = async () => undefined
  const { auth } = createIssuer({
    db: own.db,
    log: createLog('silent'),
    publicUrl: new URL('http://localhost:8000'),
    trustedOrigins: [],
    secrets: [testSecret],
    signUp: 'open',
    github: { clientId: 'x', clientSecret: 'x' },
    google: { clientId: 'x', clientSecret: 'x' },
    mail: { isDelivered: true, send: () => {}, close: nothing },
    hashers: 1,
    devices: { find: nothing },
    removeAccount: async () => true,
  })
  const { toBeCreated, toBeAdded, toBeAddedIndexes } = await getMigrations(auth.options)
  assert.deepEqual(
    { toBeCreated, toBeAdded, toBeAddedIndexes },
    { toBeCreated: [], toBeAdded: [], toBeAddedIndexes: [] },
  )
})
