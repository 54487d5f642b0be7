import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { welcome } from '../server/cli/welcome.ts'
import { dataFolder } from './data-folder.ts'
import { callAt, type OwnDatabase, ownDatabase, soonStarted } from './served.ts'

// The output of a start, at a terminal and to a program that reads the log.

const root = fileURLToPath(new URL('../..', import.meta.url))
const cli = join(root, 'dist', 'server', 'cli.js')
const folder = dataFolder()
let database: OwnDatabase
before(async () => {
  database = await ownDatabase()
})
after(async () => {
  await database.drop()
  rmSync(folder, { recursive: true, force: true })
})

/** Starts the program at a pseudo-terminal of `script`, and returns its output. */
function atTerminal(env: Record<string, string>) {
  const command = `exec '${process.execPath}' ${soonStarted.join(' ')} '${cli}' start`
  const args =
    process.platform === 'darwin' ? ['-q', '/dev/null', 'sh', '-c', command] : ['-qec', command, '/dev/null']
  const { PATH = '' } = process.env
  const child = spawn('script', args, { cwd: root, env: { PATH, HOME: folder, TERM: 'dumb', ...env } })
  let output = ''
  const ended = new Promise(resolve => child.once('close', resolve))
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk
        const match = pattern.exec(output)
        if (match) resolve(match)
      })
      child.once('error', reject)
      ended.then(() => reject(new Error(`ended without ${pattern}:\n${output}`)))
    })
  return { child, ended, printed, output: () => output }
}

describe('a start at a terminal', () => {
  it('after the first prints the URL, /docs, the data, and a command for a token that works', async () => {
    const dataDir = database.env.DATA_DIR ?? ''
    const terminal = atTerminal({ DATA_DIR: dataDir, PORT: '0' })
    await terminal.printed(/Data +embedded PostgreSQL in [^\r\n]+\r?\n/)
    const output = terminal.output()
    const [, url = ''] = /Duly \S+ listens on (http\S+)\r?\n/.exec(output) ?? []
    assert.match(output, new RegExp(`API docs +${url}/docs `))
    const [, command = ''] = /Token +(.+?)\r?\n/.exec(output) ?? []
    assert.match(command, /npm run -s duly -- token --user alice$/)
    const token = execFileSync('sh', ['-c', command], { cwd: root, encoding: 'utf8' }).trim()
    const { status } = await callAt(url, 'GET', '/api/v1/tasks', { token })
    assert.equal(status, 200)
    terminal.child.stdin.write('\u0003')
    await terminal.ended
  })
})

describe('the message of a start', () => {
  const server = { url: 'http://localhost:8000', databaseLabel: 'PostgreSQL at db/tasks', secret: undefined }
  const surroundings = {
    command: 'duly',
    needsSecret: false,
    web: true,
    publicUrl: new URL('https://tasks.example.com'),
  }
  it('names another source of tokens if the server does not sign them', () => {
    assert.match(
      welcome(server, { ...surroundings, accounts: false }),
      /Token +from the issuer of JWKS_URL\n/,
    )
    assert.match(
      welcome(server, { ...surroundings, accounts: true }),
      /Token +sign up on the page of the API docs\n/,
    )
  })

  it('contains the public URL', () => {
    const text = welcome(
      { ...server, secret: 'x'.repeat(32) },
      { ...surroundings, needsSecret: true, accounts: true },
    )
    assert.match(text, /Web app +https:\/\/tasks\.example\.com\/\n/)
    assert.match(text, /API docs +https:\/\/tasks\.example\.com\/docs \(/)
    assert.match(text, /Token +duly token --user alice +\(with the same BETTER_AUTH_SECRET\)\n/)
  })
})
