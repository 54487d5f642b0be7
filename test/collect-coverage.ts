import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'
import { isUncovered } from './heavy.ts'

// Loaded first into each test process that measures coverage, and its threads. Programs that tests
// start do not: it takes a quarter more CPU time, for 3 % of the lines. `NODE_V8_COVERAGE` takes
// another third: it counts calls and covers the packages, too.

if (isUncovered(process.argv[1] ?? '')) delete process.env.TEST_COVERAGE

const server = new URL('../server/', import.meta.url).href
const { TEST_COVERAGE: folder } = process.env

if (folder !== undefined) {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true })
  process.once('exit', () => {
    session.post('Profiler.takePreciseCoverage', (error, coverage) => {
      const result = coverage?.result.filter(({ url }) => url.startsWith(server)) ?? []
      if (error !== null || result.length === 0) return
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, `${randomUUID()}.json`), JSON.stringify({ result }))
    })
  })
}
