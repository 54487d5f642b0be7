// What `npm start`, `npm test` and the others run. It needs nothing but Node: it installs what is missing, builds what is
// stale, and hands over.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const at = (...parts) => join(root, ...parts)
const built = at('dist', '.built')
const tsc = at('node_modules', 'typescript-native', 'bin', 'tsc')
const biome = at('node_modules', '@biomejs', 'biome', 'bin', 'biome')
const openApiTypes = at('node_modules', 'openapi-typescript', 'bin', 'cli.js')
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
  faults: () => load(at('dist', 'test', 'run.js'), ['--faults', ...args]),
  bench,
  build: () => {},
  format: () => run(biome, ['check', '--write', root]),
  release: () => load(at('release', 'run.mjs'), args),
  dev,
}
if (!Object.hasOwn(words, word)) stop(`There is no "${word}"; there are ${Object.keys(words).join(', ')}.`)
install()
if (word === 'format' || build()) {
  await words[word]()
} else {
  process.exitCode = 1
  if (word === 'test' || word === 'faults') process.stdout.write('0 passed, 1 failed\n')
}

// `npm run bench` compares over HTTP; `npm run bench latency` and the others ask other questions.
function bench() {
  const [question, ...others] = args[0] === undefined || args[0].startsWith('-') ? ['http', ...args] : args
  const program = at('dist', 'bench', question, 'run.js')
  if (!existsSync(program))
    stop(`There is no bench "${question}"; there are ${readdirSync(at('dist', 'bench')).join(', ')}.`)
  return load(program, others)
}

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

/**
 * Compiles what has changed since the last build into `dist/`, which is never emptied: a server may be running from it.
 * The server comes first, since the client's types are generated from the OpenAPI document that it prints.
 * @returns whether everything compiled
 */
function build() {
  const print = fingerprint()
  if (existsSync(built) && readFileSync(built, 'utf8') === print) return true
  say('building')
  // Before the files of /docs are copied, which no source stands for.
  removeOrphans()
  const done =
    compile('tsconfig.server.json') &&
    copyAssets() &&
    describeApi() &&
    compile('tsconfig.json') &&
    compile('client/tsconfig.json')
  if (!done) {
    say('The build failed; see above.')
    return false
  }
  writeFileSync(built, print)
  return true
}

function compile(project) {
  const info = at('dist', `.${project.replaceAll('/', '-')}.tsbuildinfo`)
  return step(tsc, ['--project', at(project), '--incremental', '--tsBuildInfoFile', info])
}

function step(program, argv) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], { cwd: root })
  if (status !== 0) process.stderr.write(Buffer.concat([stdout, stderr]))
  return status === 0
}

/** Removes what was compiled from sources that are gone: a test among them would still run. */
function removeOrphans() {
  for (const folder of ['server', 'client', 'test', 'bench']) {
    if (!existsSync(at('dist', folder))) continue
    for (const name of readdirSync(at('dist', folder), { recursive: true })) {
      // Copied, not compiled.
      if (name.includes('swagger-ui')) continue
      const source = at(folder, name).replace(/\.(js|d\.ts)(\.map)?$/, '.ts')
      if (source.endsWith('.ts') && !existsSync(source)) rmSync(at('dist', folder, name))
    }
  }
}

// What the server reads beside its code: the files of /docs, without the rest of their package, and the empty cluster.
function copyAssets() {
  cpSync(at('server', 'db', 'cluster.br'), at('dist', 'server', 'db', 'cluster.br'))
  for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js', 'LICENSE', 'NOTICE']) {
    cpSync(at('node_modules', 'swagger-ui-dist', file), at('dist', 'server', 'api', 'swagger-ui', file))
  }
  return true
}

// Without the settings of this machine, so that the document is the same wherever it is built.
function describeApi() {
  const file = at('dist', 'openapi.json')
  const { status, stdout } = spawnSync(process.execPath, [cli, 'openapi'], {
    cwd: at('dist'),
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) return false
  const types = at('client', 'schema.ts')
  if (existsSync(types) && existsSync(file) && readFileSync(file).equals(stdout)) return true
  // The document is written last: a generation that fails is tried again.
  const generated = join(dirname(file), 'openapi.new.json')
  writeFileSync(generated, stdout)
  if (!step(openApiTypes, [generated, '--output', types])) return false
  renameSync(generated, file)
  return true
}

function fingerprint() {
  const hash = createHash('sha256')
  const add = path => hash.update(path.slice(root.length)).update(readFileSync(path))
  for (const file of [
    'tsconfig.json',
    'tsconfig.server.json',
    'client/tsconfig.json',
    'package-lock.json',
    'server/db/cluster.br',
  ])
    add(at(file))
  for (const folder of ['server', 'client', 'test', 'bench']) {
    if (!existsSync(at(folder))) continue
    const files = readdirSync(at(folder), { recursive: true, withFileTypes: true })
    const paths = files
      .filter(file => file.name.endsWith('.ts') && file.name !== 'schema.ts')
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

// After every change: build, and only what has built replaces the server that runs.
function dev() {
  const serve = () => spawn(process.execPath, [cli, 'start', ...args], { cwd: root, stdio: 'inherit' })
  let server = serve()
  let timer
  let ending = false
  const rebuild = () => {
    if (ending || !build()) return
    const old = server
    const next = () => {
      if (!ending) server = serve()
    }
    if (old.exitCode !== null || old.signalCode !== null) return next()
    old.once('exit', next)
    old.kill('SIGINT')
  }
  // Editors write in several steps: wait until it is quiet for a moment.
  const watcher = watch(at('server'), { recursive: true }, () => {
    clearTimeout(timer)
    timer = setTimeout(rebuild, 200)
  })
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      ending = true
      clearTimeout(timer)
      watcher.close()
      server.kill('SIGINT')
    })
  }
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
