// What `npm start`, `npm test` and the others run. It needs nothing but Node: it installs what is missing, builds what is
// stale, and hands over.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const at = (...parts) => join(root, ...parts)
const built = at('dist', '.built')
const tsc = at('node_modules', 'typescript', 'bin', 'tsc')
const biome = at('node_modules', '@biomejs', 'biome', 'bin', 'biome')
const cli = at('dist', 'server', 'cli.js')

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  stop(`Duly needs Node 20.19 or newer; this is ${process.versions.node}.`)
}

const [word = 'start', ...args] = process.argv.slice(2)
const words = {
  start: () => load(cli, ['start', ...args]),
  duly: () => load(cli, args),
  test: () => load(at('dist', 'test', 'run.js'), args),
  bench: () => load(at('dist', 'bench', 'http', 'run.js'), args),
  build: () => {},
  format: () => run(biome, ['check', '--write', root]),
  dev,
}
if (!Object.hasOwn(words, word)) stop(`There is no "${word}"; there are ${Object.keys(words).join(', ')}.`)
install()
// A type error is one of the findings of `test`, which builds by itself; every other word needs the build.
build()
await words[word]()

function install() {
  if (!isStale()) return
  say('installing what package-lock.json lists')
  // The types and the compiler are among the development dependencies, whatever NODE_ENV says.
  const npm = process.env.npm_execpath
  const command = ['ci', '--include=dev', '--no-fund', '--no-audit', '--loglevel=error']
  const { status } = npm
    ? spawnSync(process.execPath, [npm, ...command], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
    : spawnSync('npm', command, {
        cwd: root,
        stdio: ['ignore', 'ignore', 'inherit'],
        shell: process.platform === 'win32',
      })
  if (status !== 0) stop('npm ci failed; see above.')
}

// npm writes down what it has installed as its last step, so an interrupted installation counts as none.
function isStale() {
  const installed = packagesIn(at('node_modules', '.package-lock.json'))
  if (!installed) return true
  const wanted = packagesIn(at('package-lock.json')) ?? {}
  return Object.entries(wanted).some(([path, { version, optional, devOptional }]) => {
    const found = installed[path]
    if (path === '' || (!found && (optional || devOptional))) return false
    return found?.version !== version
  })
}

function packagesIn(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined
}

function build() {
  const print = fingerprint()
  if (existsSync(built) && readFileSync(built, 'utf8') === print) return
  say('building')
  rmSync(at('dist'), { recursive: true, force: true })
  const { status } = spawnSync(process.execPath, [tsc, '--project', root], { cwd: root, stdio: 'inherit' })
  if (status !== 0) stop('The build failed; see above.')
  writeFileSync(built, print)
}

function fingerprint() {
  const hash = createHash('sha256')
  const add = path => hash.update(path.slice(root.length)).update(readFileSync(path))
  for (const file of ['tsconfig.json', 'package-lock.json']) add(at(file))
  for (const folder of ['server', 'test', 'bench']) {
    if (!existsSync(at(folder))) continue
    const files = readdirSync(at(folder), { recursive: true, withFileTypes: true })
    const paths = files
      .filter(file => file.name.endsWith('.ts'))
      .map(file => join(file.parentPath, file.name))
    paths.sort().forEach(add)
  }
  return hash.digest('hex')
}

// In this process: a signal then reaches the program itself, and its exit code is this one's.
async function load(program, argv) {
  process.argv = [process.execPath, program, ...argv]
  await import(pathToFileURL(program).href)
}

function dev() {
  const inherit = { cwd: root, stdio: 'inherit' }
  const compiler = spawn(
    process.execPath,
    [tsc, '--project', root, '--watch', '--preserveWatchOutput'],
    inherit,
  )
  const server = spawn(
    process.execPath,
    ['--watch', '--watch-preserve-output', cli, 'start', ...args],
    inherit,
  )
  // The next `npm start` compares sources with this: after an edit it builds anew.
  const end = code => {
    compiler.kill()
    server.kill()
    process.exitCode ??= code
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end(0))
  compiler.on('exit', code => end(code ?? 0))
  server.on('exit', code => end(code ?? 0))
}

function run(program, argv) {
  const { status } = spawnSync(process.execPath, [program, ...argv], { cwd: root, stdio: 'inherit' })
  process.exitCode = status ?? 1
}

function say(text) {
  process.stderr.write(`duly: ${text}\n`)
}

function stop(text) {
  say(text)
  process.exit(1)
}
