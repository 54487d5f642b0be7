import { after, before } from 'node:test'
import { contractNames } from './front-ends/declared.ts'
import { ImpatientClient } from './impatient/client.ts'
import { testDoneFlag } from './impatient/done-flag.ts'
import { testExtraFields } from './impatient/extra-fields.ts'
import { testLists } from './impatient/lists.ts'
import { testRules } from './impatient/rules.ts'
import { type Served, served, unlimited } from './served.ts'

// Requests of the front ends of the four contracts: each response is compared in full, and its
// effect read back.

const settings = { 'task-api': {}, 'stage-2': { CONTRACT: 'stage-2' }, 'todo-app': { CONTRACT: 'todo-app' } }
const servers = new Map<string, Served>()
before(async () => {
  for (const [name, env] of Object.entries(settings))
    servers.set(name, await served({ ...unlimited, ...env }))
})
after(async () => {
  for (const api of servers.values()) await api.close()
})

for (const name of contractNames) {
  const server = () => servers.get(name === 'todos' ? 'task-api' : name) as Served
  const newClient = (user?: string) => new ImpatientClient(server(), name, user)
  testDoneFlag(name, newClient)
  testExtraFields(name, newClient)
  testLists(name, newClient)
  testRules(name, newClient)
}
