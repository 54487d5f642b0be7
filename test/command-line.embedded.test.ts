import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dulyHere } from './command.ts'
import { dataFolder } from './data-folder.ts'
import { duly } from './program.ts'
import { briefly, type Env, type OwnDatabase, ownDatabase } from './served.ts'

// Expected failures that operators meet. None prints a stack, and none creates anything.

const cli = fileURLToPath(new URL('../server/cli.js', import.meta.url))
const folder = dataFolder()
// An unprivileged user needs access to it.
chmodSync(folder, 0o755)
after(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
function emptyFolder(): string {
  count += 1
  const path = join(folder, String(count))
  mkdirSync(path)
  return path
}

interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a shell script in which `duly` is the program, as an unprivileged user if this is root. */
function shell(script: string, env: Env = {}, asNobody = false): Promise<Said> {
  const nobody = asNobody && process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const program = `duly() { "${process.execPath}" ${briefly.join(' ')} "${cli}" "$@"; }\n${script}`
  const { PATH = '' } = process.env
  const child = spawn('sh', ['-c', program], { cwd: folder, env: { PATH, HOME: folder, ...env }, ...nobody })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      said[name] += chunk
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, ...said }))
  })
}

function isSentence({ stderr }: { stderr: string }): void {
  assert.doesNotMatch(stderr, /^ +at |unexpected error|node:/m)
  assert.match(stderr, /^[A-Z"-].*[.:?]\n/)
}

/** Opening the FIFO would wait for a writer. */
function filesThatAreNone(place: string): [string, string[], Env, number, RegExp][] {
  const fifo = join(place, 'fifo')
  execFileSync('mkfifo', [fifo])
  const DATABASE_URL = `postgres://127.0.0.1:1/tasks?sslrootcert=${encodeURIComponent(fifo)}`
  const not = /it is not a regular file/
  return [
    ['a FIFO as BREACHED_PASSWORDS', ['start'], { BREACHED_PASSWORDS: fifo }, 78, not],
    ['a FIFO as a root certificate', ['start'], { DATABASE_URL }, 78, not],
    ['a FIFO as a backup', ['restore', fifo], {}, 66, not],
    ['a FIFO as the target of a backup', ['backup', fifo, '--force'], {}, 73, /is not a regular file/],
    ['a device as ENV_FILE', ['start'], { ENV_FILE: '/dev/zero' }, 78, /it has more than 1 MiB/],
  ]
}

describe('an expected failure', () => {
  // None of these commands changes it.
  let own: OwnDatabase
  before(async () => {
    own = await ownDatabase()
  })
  after(() => own.drop())

  const file = join(folder, 'a file')
  writeFileSync(file, 'not what it should be\n')
  const missing = join(folder, 'missing')
  const cases: [string, string[], Env, number, RegExp][] = [
    [
      'a HOST without an address',
      ['start'],
      { HOST: 'nowhere.invalid' },
      69,
      /nowhere\.invalid:0: the host name cannot be resolved/,
    ],
    ['a HOST of another machine', ['start'], { HOST: '203.0.113.7' }, 69, /does not have the address/],
    [
      'a HOST that is a URL',
      ['start'],
      { HOST: 'http://localhost' },
      78,
      /HOST="http:\/\/localhost": must be an address/,
    ],
    ['a DATA_DIR that is a file', ['start'], { DATA_DIR: file }, 73, /DATA_DIR ".*" is a file/],
    [
      'a DATA_DIR below a file',
      ['start'],
      { DATA_DIR: join(file, 'x') },
      73,
      /Cannot create the data directory/,
    ],
    ...(process.platform === 'linux' ? ['/proc/nope', '/proc/nope/x', '/sys/x', '/dev/null/x'] : []).map(
      (DATA_DIR): [string, string[], Env, number, RegExp] => [
        `a DATA_DIR such as ${DATA_DIR}`,
        ['start'],
        { DATA_DIR },
        73,
        /Cannot create the data directory ".*": .* Set DATA_DIR to a directory that Duly can write to\./,
      ],
    ),
    [
      'a missing BREACHED_PASSWORDS',
      ['start'],
      { BREACHED_PASSWORDS: missing },
      78,
      /BREACHED_PASSWORDS=".*": cannot be used: it does not exist/,
    ],
    [
      'a directory as BREACHED_PASSWORDS',
      ['start'],
      { BREACHED_PASSWORDS: folder },
      78,
      /cannot be used: it is a directory/,
    ],
    [
      'an invalid BREACHED_PASSWORDS',
      ['start'],
      { BREACHED_PASSWORDS: file },
      78,
      /its first line is not a SHA-1 hash/,
    ],
    ...(process.platform === 'win32' ? [] : filesThatAreNone(folder)),
    [
      'a missing ENV_FILE',
      ['start'],
      { ENV_FILE: missing },
      66,
      /Cannot read the settings in ".*": it does not exist/,
    ],
    ['a directory as ENV_FILE', ['start'], { ENV_FILE: folder }, 66, /it is a directory\. Docker/],
    ['a missing backup', ['restore', missing], {}, 66, /Cannot read the backup ".*": it does not exist/],
    [
      'a directory as a backup',
      ['restore', folder],
      {},
      66,
      /Cannot read the backup ".*": it is a directory/,
    ],
    [
      'the webhooks of a user of another issuer',
      ['webhooks', 'list', 'alice'],
      {},
      65,
      /no account for "alice".* in tokens of another issuer or of "duly token", add --other-issuer\./,
    ],
    [
      'the sessions of a user of another issuer',
      ['user', 'sign-out', 'alice'],
      {},
      65,
      /no account for "alice"\. List accounts with "duly user list"\.\n$/,
    ],
    ['a file that is not a backup', ['restore', file], {}, 65, /The backup ".*" cannot be used/],
  ]
  const ended = new Set<number>()
  for (const [what, args, env, code, message] of cases) {
    // One case of each exit code runs as a program, the others run in this process.
    const isProgram = !ended.has(code)
    ended.add(code)
    it(`prints one sentence: ${what}`, async () => {
      const settings = { PORT: '0', ...own.env, ...env }
      const said = isProgram ? await duly(args, settings).ended : await dulyHere(args, settings)
      isSentence(said)
      assert.deepEqual([said.code, said.stdout.includes('listening')], [code, false])
      assert.match(said.stderr, message)
    })
  }

  it('prints one sentence: a DATA_DIR that is not writable', async () => {
    const locked = emptyFolder()
    chmodSync(locked, 0o500)
    for (const DATA_DIR of [locked, join(locked, 'data')]) {
      const said = await shell('duly start', { DATA_DIR, PORT: '0' }, true)
      isSentence(said)
      assert.equal(said.code, 73)
      assert.match(said.stderr, /: permission denied\. Set DATA_DIR to a directory that Duly can write to/)
    }
  })

  it('prints one sentence: a .env that is not readable', async () => {
    const there = emptyFolder()
    writeFileSync(join(there, '.env'), 'PORT=0\n')
    chmodSync(join(there, '.env'), 0o000)
    const said = await shell(`cd "${there}" && duly token --user alice`, {}, true)
    isSentence(said)
    assert.equal(said.code, 77)
    assert.match(said.stderr, /Cannot read the settings in ".*\.env": permission denied/)
  })

  it('prints one sentence: too many open files', async () => {
    const said = await shell('ulimit -n 24; duly user list', own.env)
    isSentence(said)
    assert.deepEqual([said.code, /too many files are open\. Raise the limit/.test(said.stderr)], [71, true])
  })

  it('prints one sentence: a current directory that was removed', async () => {
    const gone = emptyFolder()
    const said = await shell(`cd "${gone}" && rmdir "${gone}" && duly token --user alice`)
    assert.doesNotMatch(said.stderr, /^ +at .*dist\/server\/cli/m)
    assert.notEqual(said.code, 0)
  })
})

describe('output', () => {
  it('may be closed by its reader', async () => {
    const { ended, child } = duly(['openapi'])
    child.stdout?.destroy()
    const { code, stderr } = await ended
    assert.deepEqual([code, stderr], [0, ''])
  })

  it('of a backup must be read completely', async () => {
    const { env, drop } = await ownDatabase()
    const { ended, child } = duly(['backup', '-'], env)
    child.stdout?.destroy()
    const said = await ended
    await drop()
    isSentence(said)
    assert.deepEqual([said.code, /the reader closed the pipe/.test(said.stderr)], [74, true])
  })

  it('that cannot be written causes an error message', async () => {
    const said = await shell('duly openapi > /dev/full')
    isSentence(said)
    assert.deepEqual([said.code, said.stderr.split('\n').length], [74, 2])
    assert.match(said.stderr, /^Cannot write to standard output: the disk is full\./)
  })
})

describe('in an empty directory', () => {
  for (const args of [
    ['user', 'list'],
    ['user', 'add', 'ann@example.com'],
    ['user', 'remove', 'ann@example.com', '--yes'],
    ['keys', 'list'],
    ['keys', 'rotate'],
    ['migrate', 'status'],
    ['migrate', 'down'],
    ['token', '--user', 'alice'],
    ['backup', 'a.duly'],
    ['backup', '-'],
    ['copy', '--to', './elsewhere'],
    ['doctor'],
    ['openapi'],
    ['help', 'user'],
  ]) {
    it(`duly ${args.join(' ')} creates nothing`, async () => {
      const cwd = emptyFolder()
      const said = await dulyHere(args, {}, cwd)
      assert.deepEqual(readdirSync(cwd), [])
      const [command = '', verb] = args
      if (['doctor', 'openapi', 'help'].includes(command)) return
      if (verb === 'status') {
        assert.equal(said.code, 0)
        assert.match(said.stdout, /^1 {2}pending /)
        assert.match(said.stderr, /There is no database in ".*data" yet/)
        return
      }
      isSentence(said)
      assert.deepEqual([said.code, said.stdout], [78, ''])
      assert.match(said.stderr, /There is no (database in|secret to sign with)/)
    })
  }
})

describe('arguments are checked before settings and databases', () => {
  // With these settings every command fails later.
  const broken: Env = { CONTRACT: 'rest' }
  const wrong: [string[], RegExp][] = [
    [['constructor'], /Unknown command/],
    [['start', '--host'], /--host needs a value/],
    [['start', '--port', '--host', 'x'], /--port needs a value/],
    [['start', '--port='], /--port needs a value/],
    [['start', 'now'], /Unexpected argument "now"/],
    [['token'], /--user is missing/],
    [['token', '--user', 'a\nb'], /--user must have 1 to 255 characters/],
    [['token', '--user', 'alice', '--ttl', '1y'], /--ttl must be a time/],
    [['token', '--user', 'alice', '--ttl', '0'], /--ttl must be a time .* not "0"/],
    [['token', 'alice'], /Unexpected argument "alice"/],
    [['token', '--usr', 'alice'], /Unknown option "--usr"\. Did you mean "--user"\?/],
    [['user'], /Name a subcommand: duly user add, list/],
    [['user', 'lst'], /Unknown subcommand "lst"\. Did you mean "list"\?/],
    [['user', 'add'], /EMAIL is missing/],
    [['user', 'add', 'ann'], /"ann" is not an email address/],
    [['user', 'add', 'ann@example.com', 'bea@example.com'], /Unexpected argument "bea@example\.com"/],
    [['user', 'disable'], /USER is missing/],
    [['user', 'list', '--yes'], /--yes does not apply to duly user list/],
    [['user', 'list', '--json=yes'], /--json does not take a value/],
    [['keys'], /Name a subcommand: duly keys list or rotate/],
    [['keys', 'list', '--now'], /--now applies to duly keys rotate only/],
    [['backup'], /FILE is missing/],
    [['backup', 'a', 'b'], /Unexpected argument "b"/],
    [['backup', 'a', '--froce'], /Did you mean "--force"\?/],
    [['restore'], /FILE is missing/],
    [['restore', ''], /FILE is missing/],
    [['copy'], /--to is missing/],
    [['copy', '--to', 'env:NOT_SET'], /the environment variable "NOT_SET" is not set/],
    [['migrate'], /Name a subcommand: duly migrate status, up or down/],
    [['migrate', 'sideways'], /status, up or down/],
    [['migrate', 'down', '--to', 'x'], /--to must be a number/],
    [['migrate', 'up', '--to', '1'], /--to applies to duly migrate down only/],
    [['doctor', '--fix'], /Unknown option "--fix"/],
    [['openapi', '--contract'], /--contract needs a value/],
    [['user', 'sign-out', 'stranger', '--other-issuer'], /--other-issuer does not apply/],
    [['webhooks', 'list'], /USER is missing/],
    [['webhooks', 'deliveries', 'ann', 'x'], /WEBHOOK must be the id/],
    [['webhooks', 'redeliver', 'ann', '1'], /DELIVERY is missing/],
    [['webhooks', 'deliveries', 'ann', '1', '--limit', '0'], /--limit must be/],
    [['bakcup'], /Unknown command "bakcup"\. Did you mean "backup"\?/],
  ]
  // In this process, since one process each would take ten seconds.
  for (const [args, message] of wrong) {
    it(`duly ${args.map(arg => JSON.stringify(arg)).join(' ')}`, async () => {
      const said = await dulyHere(args, broken)
      isSentence(said)
      assert.equal(said.code, 64)
      assert.match(said.stderr, message)
      assert.match(said.stderr, /\nRun "duly (\w+ )?--help" for usage\.\n$/)
    })
  }

  it('the program prints the errors', async () => {
    for (const args of [
      ['--prot', '1'],
      ['help', 'strat'],
    ]) {
      const said = await dulyHere(args, broken)
      isSentence(said)
      assert.deepEqual([said.code, said.stdout], [64, ''])
    }
    const said = await duly(['start', '--port', '--host', 'x'], broken).ended
    isSentence(said)
    assert.deepEqual([said.code, said.stdout], [64, ''])
  })

  it('--help anywhere prints the help and does nothing else', async () => {
    for (const args of [
      ['user', 'remove', 'ann@example.com', '--yes', '--help'],
      ['backup', 'x', '-h'],
      ['help', 'migrate'],
      ['--help', 'copy'],
      ['--port', '1', '--help'],
    ]) {
      const said = await dulyHere(args, broken)
      assert.deepEqual([said.code, said.stderr], [0, ''])
      assert.match(said.stdout, /^Usage: duly/)
    }
    assert.equal(existsSync('x'), false)
  })
})

describe('the settings', () => {
  it('that look misspelt cause warnings, in a server and in a command', async () => {
    const cwd = emptyFolder()
    writeFileSync(join(cwd, '.env'), '\ufeffDATA_DRI=x\r\nCONTRACT=stage-2\r\n')
    const env = { CORS_ORIGIN: 'https://example.com' }
    const command = await dulyHere(['token', '--user', 'alice'], env, cwd)
    assert.match(
      command.stderr,
      /^Warning: The settings file sets names .*DATA_DRI \(did you mean DATA_DIR\?\)\.$/m,
    )
    assert.match(
      command.stderr,
      /^Warning: CORS_ORIGIN is not a setting of Duly\. Did you mean CORS_ORIGINS\?$/m,
    )
    const { env: database, drop } = await ownDatabase()
    const server = duly(['start'], { ...env, ...database, PORT: '0' }, cli, cwd)
    await server.printed(/"msg":"CORS_ORIGIN is not a setting of Duly\. Did you mean CORS_ORIGINS\?"/)
    await server.printed(/DATA_DRI \(did you mean DATA_DIR\?\)/)
    server.child.kill('SIGINT')
    await server.ended
    await drop()
  })
})
