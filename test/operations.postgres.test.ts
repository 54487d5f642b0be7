import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { unprepared } from '../server/db/database.ts'
import { dulyHere } from './command.ts'
import { dataFolder } from './data-folder.ts'
import { blocksOf, commandIn, makePath, shell } from './page.ts'
import { dulyStart } from './program.ts'
import {
  briefly,
  callAt,
  type Env,
  newUser,
  type OwnDatabase,
  openDatabase,
  ownDatabase,
  served,
  tokenOf,
} from './served.ts'

// Runs every command of docs/operations.md, in order: first on an embedded database, then on a
// PostgreSQL server, where restore and rollback are faster.

const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
const program = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const [present, next] = [program('../server/cli.js'), program('./faults/next-version.js')]

/** Lines that are not run here, with the reason. */
const elsewhere: Readonly<Record<string, string>> = {
  'npm pack': 'package.embedded.test.ts does, and npm run release',
  'npm install --global ./duly-0.1.0.tgz': 'it takes a minute; npm run release does it',
  'npm install --global ./duly-0.2.0.tgz': 'there is no such version yet; faults/next-version.ts is one here',
  duly: 'it does not end; package.embedded.test.ts runs it',
}

const folder = dataFolder()
const socket = join(folder, 'commands')
const path = makePath(join(folder, 'bin'), ['sh', 'node', 'cat', 'curl'], {
  // Without DULY, this process runs the command, unless its output is bytes.
  duly: `
    case "$*" in
      *' -') DULY=${present} ;;
    esac
    if [ "\${DULY-}" ]; then exec node ${briefly.join(' ')} "$DULY" "$@"; fi
    printf '%s\\n' "$PWD" "\${DATABASE_URL-}" "\${TARGET-}" "$@" |
      curl -sS --fail-with-body --data-binary @- --unix-socket ${socket} http://duly`,
  // In this test `elsewhere` is this machine.
  ssh: 'shift; exec sh -c "$*"',
})

let embedded: OwnDatabase
let postgres: OwnDatabase
/** The settings of the current database. */
let here: Env
/** The settings of the commands that run now. */
let settings: Env = {}
let server: { readonly url: string; stop(): Promise<unknown> } | undefined

/** Runs a command with arguments and settings of a script, sent by the program `duly` above. */
const commands = createServer(async (request, response) => {
  const [cwd, DATABASE_URL, TARGET, ...args] = (await text(request)).split('\n').slice(0, -1)
  const own = { ...(DATABASE_URL && { DATABASE_URL }), ...(TARGET && { TARGET }) }
  const { code, stdout, stderr } = await dulyHere(args, { ...settings, ...own }, cwd)
  response.writeHead(code === 0 ? 200 : 500).end(stdout + stderr)
})

/**
 * Runs the commands under this heading, except those that other tests run.
 * @returns their output
 */
async function follow(heading: string, env: Env = {}): Promise<string> {
  const blocks = blocksOf(page).filter(block => block.heading === heading)
  assert.ok(blocks.length > 0, `docs/operations.md has no commands under "${heading}"`)
  followed.add(heading)
  const cwd = join(folder, heading.replaceAll(' ', '-'))
  mkdirSync(cwd)
  let printed = ''
  settings = { PATH: path, HOME: folder, TMPDIR: tmpdir(), ...here, ...env }
  for (const { lines } of blocks) {
    const script = lines.filter(line => !(commandIn(line) in elsewhere)).map(withWhatIsHere)
    const { code, output } = await shell(script.join('\n'), cwd, settings)
    assert.equal(code, 0, `under "${heading}":\n${script.join('\n')}\n${output}`)
    printed += output
  }
  return printed
}
const followed = new Set<string>()

/** Replaces the placeholders of the page. */
function withWhatIsHere(line: string): string {
  return line
    .replaceAll('/backups/', `${join(folder, 'backups')}/`)
    .replaceAll('localhost:8000', server?.url.slice('http://'.length) ?? 'localhost:8000')
    .replaceAll(/postgres:\/\/(user:password@host\/database|…)/g, postgres.env.DATABASE_URL ?? '')
}

/** In this process: the program itself is not what the page is about. */
async function start(): Promise<void> {
  const api = await served({ BETTER_AUTH_SECRET: '', ...here }, { env: here, drop: async () => {} })
  server = { url: api.server.url, stop: api.close }
}

async function startNext(): Promise<void> {
  const { child, ended, url } = await dulyStart(here, next)
  const stop = () => {
    child.kill('SIGTERM')
    return ended
  }
  server = { url, stop }
}

async function stop(): Promise<void> {
  await server?.stop()
  server = undefined
}

// Not the user for whom the first start prints a token, which would be equal within a second.
const user = newUser()
const secret = () => readFileSync(join(String(embedded.env.DATA_DIR), 'secret'), 'utf8').trim()
const call = (method: string, json?: object) =>
  callAt(server?.url ?? '', method, '/api/tasks', {
    token: tokenOf(user, {}, secret()),
    ...(json ? { json } : {}),
  })
const titles = async () => (await call('GET')).body.tasks.map(({ title }: { title: string }) => title)

async function query(text: string): Promise<void> {
  const { db } = await openDatabase(here)
  await db.query(unprepared(text))
  await db.close()
}

before(async () => {
  await once(commands.listen(socket), 'listening')
  embedded = await ownDatabase('migrated', false)
  postgres = await ownDatabase('empty')
  here = embedded.env
  mkdirSync(join(folder, 'backups'))
  await start()
  assert.equal((await call('POST', { title: 'Water the plants' })).status, 201)
})
after(async () => {
  await stop()
  commands.close()
  await embedded.drop()
  await postgres.drop()
  rmSync(folder, { recursive: true, force: true })
})

describe('the commands of docs/operations.md', () => {
  it('install a version', async () => {
    assert.match(await follow('Install', { DULY: present }), /^\d+\.\d+\.\d+$/m)
  })

  it('configure a server that starts', async () => {
    // A program: reading the embedded database of a server lowers the priority of the process.
    const printed = await follow('Configure', { DULY: present })
    assert.match(printed, /✔ the settings are valid/)
    assert.match(printed, /^[\w-]{43}$/m)
  })

  it('check its health', async () => {
    assert.match(await follow('Health checks'), /"service":"duly"/)
  })

  it('move it to PostgreSQL and back', async () => {
    await stop()
    await follow('Move to PostgreSQL and back', { BETTER_AUTH_SECRET: secret() })
    here = { ...postgres.env, BETTER_AUTH_SECRET: secret() }
    await start()
    assert.deepEqual(await titles(), ['Water the plants'])
  })

  it('add and disable users while it runs', async () => {
    assert.match(await follow('User accounts'), /ann@example\.com/)
  })

  it('rotate the signing keys and the secret while it runs', async () => {
    await follow('Rotate the signing keys')
    assert.match(await follow('Rotate secrets'), /^[\w-]{43}$/m)
  })

  it('make backups while it runs, also before an upgrade', async () => {
    assert.match(await follow('Backups'), /Verified by restoring it/)
    await follow('Upgrade')
  })

  it('restore all data after it is lost, and set existing data aside', async () => {
    await stop()
    await query('drop schema duly cascade')
    assert.match(await follow('Restore'), /The previous data is in/)
    await start()
    assert.deepEqual(await titles(), ['Water the plants'])
  })

  it('roll back from the next version without losing data', async () => {
    await stop()
    await startNext()
    await call('POST', { title: 'Written since the upgrade' })
    await stop()
    await assert.rejects(start(), /newer than this version of Duly/)
    await follow('Roll back', { DULY: next })
    await start()
    assert.deepEqual(await titles(), ['Written since the upgrade', 'Water the plants'])
  })

  it('find a problem, and fix it', async () => {
    await query('update duly.owners set task_count = 7')
    await assert.rejects(follow('Troubleshooting'), /✖/)
    for (const { lines } of blocksOf(page, 'sql')) for (const line of lines) await query(line)
    rmSync(join(folder, 'Troubleshooting'), { recursive: true })
    assert.doesNotMatch(await follow('Troubleshooting'), /✖/)
  })

  it('are all covered by this test', () => {
    const blocks = blocksOf(page)
    const run = blocks.flatMap(({ lines }) => lines.map(commandIn))
    assert.deepEqual(
      Object.keys(elsewhere).filter(line => !run.includes(line)),
      [],
      'the lines in `elsewhere` are on the page',
    )
    const left = blocks.filter(
      ({ heading, lines }) => !followed.has(heading) && !lines.every(line => commandIn(line) in elsewhere),
    )
    assert.deepEqual(
      left.map(({ heading }) => heading),
      [],
      'add a test that runs the commands under the new heading',
    )
  })
})
