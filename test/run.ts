import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
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
import { divided, together } from './together.ts'

// Runs every check: format and lint, every test file, and the coverage of server/. Files that use a
// database run on PostgreSQL and on the embedded one; coverage, a quarter of the CPU time, is
// measured in the first of the two.

const root = fileURLToPath(new URL('../..', import.meta.url))
const dist = join(root, 'dist')
const coverage = join(root, 'coverage')
const shared = join(dist, 'test', 'together')
/** For files that run other test files. A run at the same time has its own. */
const ofThisRun = join(shared, String(process.pid))
const endOfEmbedded = '.embedded.test.js'
const minimumCoverage = 90
/** Generous: a test process runs many files, on a machine that may be busy. */
const patienceMs = 1_800_000
/** Suites outside test/faults/ that have a full-length version. */
const generated = ['front-ends.', 'hostile-', 'isolation.', 'list-model.']
/** Minimum number of writes in the full-length fault suites. */
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
const form = whole ? checkForm() : undefined
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
const isOnlyEmbedded = (file: string) =>
  file.endsWith('.embedded.test.js') || !file.startsWith(join(dist, 'test'))
const forServer = files.filter(file => !isOnlyEmbedded(file))
const onServer = values.database === 'embedded' ? [] : forServer
const onEmbedded =
  values.database === 'postgres' ? [] : files.filter(file => !file.endsWith('.postgres.test.js'))
process.env.TEST_TEMPLATE_FOLDER = makeFolder()
if (onServer.length === 0) await suite()
else {
  const given = process.env.TEST_DATABASE_URL
  const started = given === undefined ? await startWithTemplate() : undefined
  const made = given === undefined ? undefined : await makeDatabase(given)
  process.env.TEST_DATABASE_URL = started?.server.url ?? given
  process.env.TEST_TEMPLATE_DATABASE = started?.template ?? made?.url
  if (started) process.env.TEST_CLUSTER = started.cluster
  await suite()
  await made?.drop()
  await started?.server.stop()
}
await form
if (whole) checkCoverage()
if (writes > 0) process.stdout.write(`\n${writes} writes acknowledged through faults\n`)
if (values.faults && values.only === undefined && values.database === undefined && writes < enoughWrites)
  outcome.add(`fewer than ${enoughWrites} writes`, false)
process.stdout.write(String(outcome))
process.exitCode = outcome.failures.length > 0 || outcome.passed === 0 ? 1 : 0

/** Runs beside the tests. */
async function checkForm(): Promise<void> {
  const biome = join(root, 'tools', 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
  const child = spawn(process.execPath, [biome, 'ci', '--error-on-warnings', root], { cwd: root })
  const [output, errors] = [text(child.stdout), text(child.stderr)]
  const [status] = await once(child, 'close')
  const printed = (await output) + (await errors)
  outcome.add('format and lint (npm run format fixes most problems)', status === 0, printed)
}

function checkCoverage(): void {
  const { percent, below } = linesRun(root, coverage, minimumCoverage)
  const result = `${percent} % of the lines of server/ are covered (minimum ${minimumCoverage} %)`
  process.stdout.write(`\n${result}; below it:\n${below.map(file => `  ${file}\n`).join('')}`)
  outcome.add(result, percent >= minimumCoverage)
}

async function suite(): Promise<void> {
  // A test often waits: for a disk, a clock, another program. With two processes per processor, the
  // run takes 15 % longer and a fifth more CPU time.
  const concurrency = Math.ceil(1.5 * availableParallelism())
  const stream = run({ files: processes(), concurrency, timeout: patienceMs })
  outcome.follow(stream, file =>
    file.endsWith(endOfEmbedded) || isOnlyEmbedded(file) ? 'on the embedded database' : 'on PostgreSQL',
  )
  stream.on('test:diagnostic', ({ message }) => {
    writes += Number(/^(\d+) writes acknowledged/.exec(message)?.[1] ?? 0)
  })
  const report = stream.compose(new spec())
  report.pipe(process.stdout, { end: false })
  await finished(report)
}

/** A test file on one of the databases. */
interface Planned {
  readonly file: string
  /** Ends the name of a file that runs it: see `test/served.ts` and `test/collect-coverage.ts`. */
  readonly end: string
}

/** The files to run, each in a process: the longest first, then those that run several others. */
function processes(): string[] {
  const planned: Planned[] = [
    ...onServer.map(file => ({ file, end: isUncovered(file) ? '.uncovered.test.js' : '.test.js' })),
    ...onEmbedded.map(file => ({
      file,
      end: isRepeated(file) ? `.uncovered${endOfEmbedded}` : endOfEmbedded,
    })),
  ]
  const rank = ({ file }: Planned) => longest.findIndex(name => isOf(name, file))
  const first = planned.filter(one => rank(one) !== -1).toSorted((a, b) => rank(a) - rank(b))
  const alone = planned.filter(({ file }) => byThemselves.some(name => isOf(name, file)))
  const others = planned.filter(one => !first.includes(one) && !alone.includes(one))
  // Those on PostgreSQL often wait, those on the embedded database run two threads: they alternate.
  const inGroups = [...new Set(others.map(({ end }) => end))]
    .flatMap(end => {
      const files = others.filter(one => one.end === end).map(({ file }) => file)
      return divided(files).map((group, n) => ({ n: n + 1, end, group }))
    })
    .toSorted((a, b) => a.n - b.n)
    .map(({ n, end, group }) => together(join(ofThisRun, `${n}${end}`), group))
  return [...[...first, ...alone].map(processOf), ...inGroups]
}

function processOf({ file, end }: Planned): string {
  const name = relative(join(dist, 'test'), file)
  // A file of server/ that runs by itself takes no time.
  if (name.startsWith('..')) return file
  return together(join(ofThisRun, name.replace(/\.test\.js$/, end)), [file])
}

/** Whether a test on PostgreSQL runs the same lines of the server. */
function isRepeated(file: string): boolean {
  return isUncovered(file) || onServer.includes(file)
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
