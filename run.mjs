// Entry point of the npm scripts. It needs only Node: it installs missing packages, builds what is
// stale, and starts the program.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const at = (...parts) => join(root, ...parts)
const tsc = at('node_modules', 'typescript-native', 'bin', 'tsc')
const biome = at('tools', 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
const openApiTypes = at('tools', 'node_modules', 'openapi-typescript', 'bin', 'cli.js')
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
if (!Object.hasOwn(words, word))
  stop(`Unknown command "${word}". Commands: ${Object.keys(words).join(', ')}.`)
// Before anything is installed.
if (word === 'bench') benchmarkIn(args)
/** Commands that run only the server need neither the tests nor their tools. */
const serverAlone = ['start', 'duly', 'dev'].includes(word) || (word === 'build' && args[0] === 'server')

await Promise.all([
  install(root),
  ...(word === 'duly' ? [] : [install(at('web'))]),
  ...(serverAlone ? [] : [installTools()]),
])
if (word === 'format' || (serverAlone ? buildServer() && (word === 'duly' || buildWeb()) : buildAll())) {
  await words[word]()
} else {
  process.exitCode = 1
  if (word === 'test' || word === 'faults') process.stdout.write('0 passed, 1 failed\n')
}

// `npm run bench` compares servers over HTTP; `npm run bench latency` and others are separate.
function bench() {
  const options = isNamed(args[0]) ? args.slice(1) : args
  return load(at('dist', 'bench', benchmarkIn(args), 'run.js'), options)
}

function benchmarkIn([first]) {
  const known = readdirSync(at('bench')).filter(name => existsSync(at('bench', name, 'run.ts')))
  const name = isNamed(first) ? first : 'http'
  if (!known.includes(name)) stop(`Unknown benchmark "${name}". Benchmarks: ${known.join(', ')}.`)
  return name
}

function isNamed(argument) {
  return argument !== undefined && !argument.startsWith('-')
}

/** Installs what the package-lock.json of this folder lists, if it is not installed yet. */
async function install(folder) {
  const wanted = packagesIn(join(folder, 'package-lock.json')) ?? {}
  if (!isStale(folder, wanted)) return
  const began = Date.now()
  const purpose = { [root]: '', [at('web')]: ' for the web app' }[folder] ?? ' for tests and checks'
  const what = `${Object.keys(wanted).length - 1} packages${purpose}`
  say(`installing ${what} (once)`)
  // The types and the compiler are development dependencies, which NODE_ENV=production would omit.
  const npm = process.env.npm_execpath
  const command = ['ci', '--include=dev', '--no-fund', '--no-audit', '--loglevel=error']
  const options = { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] }
  const child = npm
    ? spawn(process.execPath, [npm, ...command], options)
    : spawn('npm', command, { ...options, shell: process.platform === 'win32' })
  const [status] = await once(child, 'close')
  if (status !== 0) stop(`npm ci failed in ${folder}; see above.`)
  say(`installed ${what} in ${seconds(began)}`)
}

/**
 * Links the tools into dist/ and test/: Node looks for packages in the directories above a file.
 */
async function installTools() {
  await install(at('tools'))
  mkdirSync(at('dist'), { recursive: true })
  for (const folder of ['dist', 'test', 'bench']) {
    const link = at(folder, 'node_modules')
    const target =
      process.platform === 'win32' ? at('tools', 'node_modules') : join('..', 'tools', 'node_modules')
    if (existsSync(at(folder)) && !existsSync(link)) symlinkSync(target, link, 'junction')
  }
}

// npm writes this file last, so an interrupted installation counts as none.
function isStale(folder, wanted) {
  const installed = packagesIn(join(folder, 'node_modules', '.package-lock.json'))
  if (!installed) return true
  return Object.entries(wanted).some(([path, { version, optional, devOptional }]) => {
    const found = installed[path]
    if (path === '' || (!found && (optional || devOptional))) return false
    return found?.version !== version
  })
}

function packagesIn(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined
}

/** Compiles the server, without its tests. @returns whether it compiled */
function buildServer() {
  const sources = sourcesIn('server').filter(path => !path.endsWith('.test.ts'))
  const settings = ['package-lock.json', 'tsconfig.json', 'tsconfig.server.json', 'server/db/cluster.br']
  return unlessBuilt('server', [...settings.map(file => at(file)), ...sources], () => {
    say('compiling the server')
    return compile('tsconfig.server.json') && copyAssets()
  })
}

/** Bundles the web app, without checking its types. */
function buildWeb() {
  const sources = ['web', 'client'].flatMap(filesIn)
  return unlessBuilt('web', sources, () => {
    say('building the web app')
    return step(at('web', 'build.mjs'), [])
  })
}

/** Compiles everything. The types of the client come from the OpenAPI document of the server. */
function buildAll() {
  if (!buildServer() || !buildWeb()) return false
  const folders = ['server', 'client', 'test', 'bench', 'web']
  const projects = ['tsconfig.json', 'client/tsconfig.json', 'web/tsconfig.json']
  const settings = ['package-lock.json', 'tools/package-lock.json', 'web/package-lock.json', ...projects]
  return unlessBuilt('all', [...settings.map(file => at(file)), ...folders.flatMap(sourcesIn)], () => {
    say('compiling the client, tests and benchmarks')
    return copyAssets() && describe() && projects.every(compile)
  })
}

/**
 * Builds into `dist/`, which is never emptied, since a server may be running from it.
 * @returns whether `dist/` matches these sources
 */
function unlessBuilt(name, paths, work) {
  const stamp = at('dist', `.built-${name}`)
  const hash = createHash('sha256')
  for (const path of paths) hash.update(path.slice(root.length)).update(readFileSync(path))
  const print = hash.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === print) return true
  const began = Date.now()
  // Before the files of /docs are copied, which have no source.
  removeOrphans()
  if (!work()) {
    say('The build failed; see above.')
    return false
  }
  writeFileSync(stamp, print)
  say(`compiled in ${seconds(began)}`)
  return true
}

function sourcesIn(folder) {
  return filesIn(folder).filter(path => /\.tsx?$/.test(path))
}

function filesIn(folder) {
  if (!existsSync(at(folder))) return []
  return readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name !== 'schema.ts')
    .map(entry => join(entry.parentPath, entry.name))
    .filter(path => !path.includes('node_modules'))
    .sort()
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

/** Removes the output of deleted sources, since a deleted test would still run. */
function removeOrphans() {
  for (const folder of ['server', 'client', 'test', 'bench']) {
    if (!existsSync(at('dist', folder))) continue
    for (const name of readdirSync(at('dist', folder), { recursive: true })) {
      // The link to the tools.
      if (name.startsWith('node_modules')) continue
      const source = at(folder, name).replace(/\.(js|d\.ts)(\.map)?$/, '.ts')
      if (source.endsWith('.ts') && !existsSync(source)) rmSync(at('dist', folder, name))
    }
  }
}

// Files that the server reads: the needed files of swagger-ui-dist, and the empty cluster.
function copyAssets() {
  cpSync(at('server', 'db', 'cluster.br'), at('dist', 'server', 'db', 'cluster.br'))
  for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js', 'LICENSE', 'NOTICE']) {
    cpSync(at('node_modules', 'swagger-ui-dist', file), at('dist', 'server', 'openapi', 'swagger-ui', file))
  }
  return true
}

/** Generates the OpenAPI document and the client's types if the server has changed since. */
function describe() {
  const stamp = at('dist', '.described')
  const server = readFileSync(at('dist', '.built-server'))
  const isCurrent = existsSync(at('client', 'schema.ts')) && existsSync(stamp)
  if (isCurrent && readFileSync(stamp).equals(server)) return true
  if (!describeApi()) return false
  writeFileSync(stamp, server)
  return true
}

// Without the settings of this machine, so that the OpenAPI document is the same everywhere.
function describeApi() {
  const file = at('dist', 'openapi.json')
  const { status, stdout } = spawnSync(process.execPath, [cli, 'openapi'], {
    cwd: at('dist'),
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 16 * 1024 * 1024,
  })
  if (status !== 0) return false
  const types = at('client', 'schema.ts')
  if (existsSync(types) && existsSync(file) && readFileSync(file).equals(stdout)) return true
  // Written last, so that a failed generation is repeated.
  const generated = join(dirname(file), 'openapi.new.json')
  writeFileSync(generated, stdout)
  if (!step(openApiTypes, [generated, '--output', types])) return false
  renameSync(generated, file)
  return true
}

// In this process, so that signals and exit codes are those of the program.
async function load(program, argv) {
  process.argv = [process.execPath, program, ...argv]
  await import(pathToFileURL(program).href)
}

// Rebuilds after each change, and replaces the running server only if the build succeeds. The web
// app is served on another port, with reload, and passes requests on to the server.
function dev() {
  const app = spawn(process.execPath, [at('web', 'build.mjs'), 'dev'], { cwd: root, stdio: 'inherit' })
  const serve = () => spawn(process.execPath, [cli, 'start', ...args], { cwd: root, stdio: 'inherit' })
  let server = serve()
  let timer
  let ending = false
  const rebuild = () => {
    if (ending || !buildServer()) return
    const old = server
    const next = () => {
      if (!ending) server = serve()
    }
    if (old.exitCode !== null || old.signalCode !== null) return next()
    old.once('exit', next)
    old.kill('SIGINT')
  }
  // Editors write in several steps: wait until they have finished.
  const watcher = watch(at('server'), { recursive: true }, () => {
    clearTimeout(timer)
    timer = setTimeout(rebuild, 200)
  })
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      ending = true
      clearTimeout(timer)
      watcher.close()
      app.kill('SIGINT')
      server.kill('SIGINT')
    })
  }
}

function run(program, argv) {
  const { status } = spawnSync(process.execPath, [program, ...argv], { cwd: root, stdio: 'inherit' })
  process.exitCode = status ?? 1
}

function seconds(began) {
  return `${((Date.now() - began) / 1000).toFixed(1)} s`
}

function say(text) {
  process.stderr.write(`duly: ${text}\n`)
}

function stop(text) {
  say(text)
  process.exit(1)
}
