import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { linesRun } from './coverage.ts'
import { placeForData } from './data-folder.ts'
import { byThemselves, isUncovered, longest } from './heavy.ts'
import { Outcome } from './outcome.ts'
import { makeDatabase, makeFolder, startWithTemplate } from './template.ts'
import { together } from './together.ts'

// Every check: format and lint, every test file once, what involves a database a second time on the
// embedded one, and how many lines of the server the tests ran. Only the first of the two runs
// measures that: it costs a quarter of the CPU time.

const root = fileURLToPath(new URL('../..', import.meta.url))
const dist = join(root, 'dist')
const coverage = join(root, 'coverage')
const shared = join(dist, 'test', 'together')
/** Of files that run several test files; another run may have its own. */
const ofThisRun = join(shared, String(process.pid))
const minimumCoverage = 90
const patienceMs = { usual: 600_000, faults: 1_800_000 }
/** Suites beside those of test/faults/ that try more in `npm run test:faults`. */
const generated = ['front-ends.', 'hostile-', 'isolation.', 'list-model.']
/** Through faults, at the least. */
const enoughWrites = 100_000

const help = `Usage: npm test -- [--only TEXT] [--database embedded|postgres] [--faults]

Runs every check. With --only, just the test files whose path contains TEXT, without the other checks.
With --faults (npm run test:faults), just the fault suites (${enoughWrites} writes and more) and the
generated ones, at full length.
TEST_DATABASE_URL names a PostgreSQL server to test against instead of the one that is started for it.`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    database: { type: 'string' },
    faults: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  process.stdout.write(`${help}\n`)
  process.exit(0)
}

const outcome = new Outcome(root)
let writes = 0

const whole = values.only === undefined && values.database === undefined && !values.faults
const { only = '' } = values
const long = [join('test', 'faults'), ...generated.map(name => join('test', name))]
if (whole) checkForm()
rmSync(coverage, { recursive: true, force: true })
if (values.faults) process.env.TEST_FAULTS = 'long'
if (whole) {
  process.env.TEST_COVERAGE = join(coverage, 'raw')
  const collect = new URL('./collect-coverage.js', import.meta.url).href
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${collect}`
}
process.env.TEST_DATA ??= placeForData()

process.once('exit', () => rmSync(ofThisRun, { recursive: true, force: true }))
const files = testFiles()
const isEmbedded = (file: string) =>
  file.endsWith('.embedded.test.js') || !file.startsWith(join(dist, 'test'))
const embedded = files.filter(isEmbedded)
const forServer = files.filter(file => !isEmbedded(file))
const both = forServer.filter(file => !file.endsWith('.postgres.test.js'))
const onEmbedded = 'on the embedded database'
process.env.TEST_TEMPLATE_FOLDER = makeFolder()
if (values.database === 'embedded' || forServer.length === 0) {
  await suite([...both, ...embedded], () => onEmbedded)
} else {
  const given = process.env.TEST_DATABASE_URL
  const started = given === undefined ? await startWithTemplate() : undefined
  const made = given === undefined ? undefined : await makeDatabase(given)
  process.env.TEST_DATABASE_URL = started?.server.url ?? given
  process.env.TEST_TEMPLATE_DATABASE = started?.template ?? made?.url
  const chosen = values.database === 'postgres' ? forServer : files
  await suite(chosen, file => (isEmbedded(file) ? onEmbedded : 'on a PostgreSQL server'))
  await made?.drop()
  await started?.server.stop()
  delete process.env.TEST_DATABASE_URL
  delete process.env.TEST_COVERAGE
  if (values.database === undefined && both.length > 0) await suite(both, () => onEmbedded)
}
if (whole) checkCoverage()
if (writes > 0) process.stdout.write(`\n${writes} writes acknowledged through faults\n`)
if (values.faults && values.only === undefined && values.database === undefined && writes < enoughWrites)
  outcome.add(`fewer than ${enoughWrites} writes`, false)
process.stdout.write(String(outcome))
process.exitCode = outcome.failures.length > 0 || outcome.passed === 0 ? 1 : 0

function checkForm(): void {
  process.stdout.write('\nformat and lint\n')
  const biome = join(root, 'tools', 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
  const args = [biome, 'ci', '--error-on-warnings', root]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  process.stdout.write(stdout + stderr)
  outcome.add('format and lint (npm run format mends most of it)', status === 0, stdout + stderr)
}

function checkCoverage(): void {
  const { percent, below } = linesRun(root, coverage, minimumCoverage)
  const told = `${percent} % of the lines of server/ are run, of ${minimumCoverage} at least`
  process.stdout.write(`\n${told}; fewer in\n${below.map(file => `  ${file}\n`).join('')}`)
  outcome.add(told, percent >= minimumCoverage)
}

async function suite(chosen: readonly string[], databaseOf: (file: string) => string): Promise<void> {
  process.stdout.write(`\n${[...new Set(chosen.map(databaseOf))].join(', or ')}\n`)
  const timeout = values.faults ? patienceMs.faults : patienceMs.usual
  // A test often waits: for a disk, a clock, another program.
  const concurrency = 2 * availableParallelism()
  const stream = run({ files: inProcesses(chosen), concurrency, timeout })
  outcome.follow(stream, databaseOf)
  stream.on('test:diagnostic', ({ message }) => {
    writes += Number(/^(\d+) writes acknowledged/.exec(message)?.[1] ?? 0)
  })
  const report = stream.compose(new spec())
  report.pipe(process.stdout, { end: false })
  await finished(report)
}

/** The longest first, each in a process of its own; then the others, several in one process. */
function inProcesses(chosen: readonly string[]): string[] {
  const rank = (file: string) => longest.findIndex(name => isOf(name, file))
  const first = chosen.filter(file => rank(file) !== -1).toSorted((a, b) => rank(a) - rank(b))
  const alone = chosen.filter(file => byThemselves.some(name => isOf(name, file)))
  const others = chosen.filter(file => !first.includes(file) && !alone.includes(file))
  const kindOf = (file: string) =>
    `${isUncovered(file) ? '.uncovered' : ''}${isEmbedded(file) ? '.embedded' : ''}.test.js`
  const kinds = [...new Set(others.map(kindOf))]
  const inGroups = kinds.flatMap(kind => {
    const files = others.filter(file => kindOf(file) === kind)
    return together(ofThisRun, kind, files)
  })
  return [...first, ...alone, ...inGroups]
}

function isOf(name: string, file: string): boolean {
  return file.startsWith(join(dist, 'test', name))
}

function testFiles(): string[] {
  return ['server', 'test']
    .flatMap(folder =>
      readdirSync(join(dist, folder), { recursive: true, encoding: 'utf8' }).map(name =>
        join(dist, folder, name),
      ),
    )
    .filter(file => file.endsWith('.test.js') && file.includes(only) && !file.startsWith(shared))
    .filter(file => !values.faults || values.only !== undefined || long.some(name => file.includes(name)))
    .sort()
}
