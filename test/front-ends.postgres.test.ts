import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { openBrowser } from './browser.ts'
import { FaultyNetwork } from './faults/faulty-network.ts'
import { BreakingProxy } from './front-ends/breaking-proxy.ts'
import { type Broken, brokenRows } from './front-ends/broken-rows.ts'
import { declared, frontEnds } from './front-ends/declared.ts'
import { behindProxy, newAddress } from './person.ts'
import { type OwnDatabase, ownDatabase, type Served, served, unlimited } from './served.ts'
import { seed, someOf } from './size.ts'

// The front ends of test/front-ends, in a browser and from another origin: against the server, and
// against a proxy that breaks one row of the contract, which they must detect (`npm test` breaks
// some of the rows).

const files = createServer((request, response) => {
  const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname)
  const types: Record<string, string> = { '.js': 'text/javascript', '.json': 'application/json' }
  response.setHeader('content-type', types[extname(path)] ?? 'text/html')
  response.end(readFileSync(join(frontEnds, path)))
})
let origin: string
let browser: Browser
let database: OwnDatabase
before(async () => {
  await new Promise<void>(resolve => files.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`
  browser = await openBrowser()
  database = await ownDatabase()
})
after(async () => {
  await browser?.close()
  files.closeAllConnections()
  files.close()
  await database?.drop()
})

/** Each program, its settings, and the values that its user enters. */
const programs = {
  'task-api': { settings: {}, chooses: { due_date: '2026-12-01', priority: 'high' } },
  'stage-2': {
    settings: { CONTRACT: 'stage-2' },
    chooses: { due_date: '2026-12-01T09:30', priority: 'High' },
  },
  'todo-app': {
    settings: { CONTRACT: 'todo-app' },
    chooses: { due_date: '2026-12-01T09:30:15.250Z', priority: 'HIGH' },
  },
  todos: {
    settings: { CONTRACT: 'stage-2' },
    chooses: { due_date: '2026-12-01T09:30:15', priority: 'URGENT' },
  },
}

let users = 0

for (const [name, { settings, chooses }] of Object.entries(programs)) {
  describe(`a front end of ${name} (TEST_SEED=${seed})`, () => {
    const contract = declared(name)
    const network = new FaultyNetwork(String(process.env.TEST_DATABASE_URL))
    let api: Served
    let proxy: BreakingProxy
    let page: Page
    before(async () => {
      await network.listen()
      const url = new URL(String(database.env.DATABASE_URL))
      url.port = String(network.port)
      const options = contract.options.join()
      api = await served(
        {
          ...settings,
          ...(options === '' ? {} : { CONTRACT_OPTIONS: options }),
          ...behindProxy,
          ...unlimited,
          CORS_ORIGINS: origin,
          DATABASE_URL: url.toString(),
        },
        database,
      )
      proxy = new BreakingProxy(api.server.url)
      page = await browser.newPage()
      page.setDefaultTimeout(120_000)
      await page.goto(`${origin}/${name}/index.html?api=${await proxy.listen()}`)
    })
    after(async () => {
      network.set('open')
      await page?.close()
      await proxy?.close()
      await api?.close()
      network.close()
    })

    /**
     * Does something on the page, as its user would.
     * @throws Error if the page shows something else
     */
    const act = (what: string, ...given: unknown[]) =>
      page.evaluate(
        `import('${origin}/person.js').then(person => person.${what}(...${JSON.stringify(given)}))`,
      )

    async function newUser() {
      users += 1
      proxy.address = newAddress()
      await act('forget')
      return { name: 'Ann Other', email: `ann-${users}@example.com`, password: 'correct horse battery' }
    }

    const chapters: Record<Broken['chapter'], () => Promise<unknown>> = {
      arrive: async () => act('arrive', await newUser()),
      async work() {
        await act('signUp', await newUser())
        await act('work', chooses)
      },
      async leave() {
        const user = await newUser()
        await act('signUp', user)
        await act('reopen')
        await act('goOn', user)
        await act('leave', user)
      },
      // Leaves no tasks that affect the next case.
      diagnose: () => act('diagnose'),
      async many() {
        await act('signUp', await newUser())
        await act('addMany', 51)
      },
      away: () => act('withoutDatabase', contract.statuses.databaseAway, contract.codes?.databaseAway),
    }

    /** The broken rows that were not detected. */
    async function missed(isChosen: (row: Broken) => boolean): Promise<string[]> {
      const names: string[] = []
      for (const broken of someOf(rows.filter(isChosen), 3)) {
        Object.assign(proxy, { broken, faults: 0 })
        const passes = await chapters[broken.chapter]().then(
          () => true,
          () => false,
        )
        if (proxy.faults === 0) names.push(`${broken.row}: the proxy broke nothing`)
        else if (passes) names.push(broken.row)
      }
      proxy.broken = undefined
      return names
    }
    const rows = brokenRows(contract, Object.keys(programs).indexOf(name))

    it('signs up, works on its tasks, reloads, signs out and signs in again', async () => {
      const user = await newUser()
      await act('arrive', user)
      await act('work', chooses)
      await page.reload()
      await act('goOn', user)
      await act('cleanUp')
      await act('leave', user)
    })

    it('gets the errors, limits and statuses of its contract', async () => {
      await chapters.diagnose()
    })

    if (contract.options.includes('whole-list'))
      it('shows more tasks than a page contains', async () => {
        await chapters.many()
      })

    it('fails if one row of its contract is broken', async () => {
      const isDiagnosed = (row: Broken) => row.chapter === 'diagnose'
      assert.deepEqual(await missed(row => !isDiagnosed(row) && row.chapter !== 'away'), [])
      await act('signUp', await newUser())
      assert.deepEqual(await missed(isDiagnosed), [])
      // The reason of the failure is the broken row.
      await chapters.diagnose()
      for (const chapter of ['arrive', 'work', 'leave'] as const) await chapters[chapter]()
    })

    it('shows that the database is unavailable, and fails if the error has another shape', async () => {
      network.set('shut')
      await chapters.away()
      assert.deepEqual(await missed(row => row.chapter === 'away'), [])
      await chapters.away()
    })
  })
}
