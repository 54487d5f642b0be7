import { it } from 'node:test'
import { ownDatabase } from '../served.ts'
import { size } from '../size.ts'
import { Ledger } from './ledger.ts'
import { Servers } from './servers.ts'

it('repeated kill -9 of the server during writes loses and duplicates no write', async test => {
  const database = await ownDatabase()
  const servers = new Servers(database.env)
  test.after(async () => {
    await servers.killAll()
    await database.drop()
  })
  await servers.start()
  const ledger = new Ledger(servers.urls)
  for (let round = 0; round < size(2, 8); round += 1) {
    await ledger.another(size(80, 1000))
    await servers.kill()
    await servers.start()
  }
  await ledger.another(100)
  await ledger.settle()
  test.diagnostic(await ledger.audit(database.env, servers.stopAll))
})
