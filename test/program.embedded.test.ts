import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { dulyHere } from './command.ts'
import { dataFolder } from './data-folder.ts'
import { duly, dulyStart, inherited } from './program.ts'
import { callAt, newUser, openDatabase, ownDatabase, served, testSecret, unlimited } from './served.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function emptyFolder(): string {
  const folder = dataFolder()
  folders.push(folder)
  return folder
}

describe('duly start without settings', () => {
  it('creates its data, prints a working command and otherwise JSON lines, and makes its secret readable for its user only', async () => {
    const folder = emptyFolder()
    const dataDir = join(folder, 'data')
    const first = duly(['start', '--port', '0', '--data-dir', dataDir])
    const [command] = await first.printed(/^curl .*$/m)
    assert.match(first.output(), new RegExp(`embedded PostgreSQL in ${join(dataDir, 'postgres')}`))
    const [, address = ''] = /^Duly \S+ listens on (\S+)$/m.exec(first.output()) ?? []
    assert.match(first.output(), new RegExp(`API docs +${address}/docs`))
    const task = JSON.parse(
      execFileSync('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
    )
    assert.deepEqual([task.title, task.user_id], ['Say hello', 'alice'])
    first.child.kill('SIGINT')
    const { code, signal, stdout } = await first.ended
    assert.deepEqual([code, signal], [0, null])
    for (const line of stdout.trimEnd().split('\n')) assert.equal(typeof JSON.parse(line).level, 'number')

    const secret = readFileSync(join(dataDir, 'secret'), 'utf8')
    assert.match(secret, /^[\w-]{43}\n$/)
    assert.equal(statSync(join(dataDir, 'secret')).mode & 0o777, 0o600)
    assert.equal(statSync(dataDir).mode & 0o777, 0o700)

    const printed = await duly(['token', '--user', 'alice', '--ttl', '5m'], { DATA_DIR: dataDir }).ended
    assert.equal(printed.code, 0)
    const again = duly(['--port', '0'], { DATA_DIR: dataDir })
    const [, url = ''] = await again.printed(/listening on (http\S+?)[,"]/)
    assert.ok(!again.output().includes('curl'), 'the call is for the first start')
    const { body } = await callAt(url, 'GET', '/api/tasks', { token: printed.stdout.trim() })
    assert.deepEqual(body.tasks, [task])
    again.child.kill('SIGTERM')
    assert.equal((await again.ended).code, 0)
    for (const output of [again.output(), first.output()]) assert.ok(!output.includes(secret.trim()))
  })

  it('refuses data that another process uses, and names that process', async () => {
    const database = await ownDatabase()
    const lockDataDir = new URL('../server/db/data-dir.js', import.meta.url)
    const script = `import { lockDataDir } from '${lockDataDir}'
      lockDataDir(process.env.DATA_DIR)
      process.stdout.write('locked')
      process.stdin.resume()`
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...inherited(), ...database.env },
    })
    await once(holder.stdout, 'data')
    for (const args of [['start'], ['migrate', 'status']]) {
      const { code, stderr } = await dulyHere(args, { PORT: '0', ...database.env })
      assert.equal(code, 73)
      assert.match(stderr, new RegExp(`in use by process ${holder.pid} on`))
    }
    holder.kill('SIGKILL')
    await once(holder, 'close')
    const next = await served({}, database)
    assert.equal((await next.call('GET', '/readyz')).status, 200)
    await next.close()
    await database.drop()
  })

  it('reports that a port is in use by another program, and creates no data', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const dataDir = join(emptyFolder(), 'data')
    for (const setting of ['PORT', 'METRICS_PORT']) {
      const env = { PORT: '0', DATA_DIR: dataDir, [setting]: `${port}` }
      const { code, stderr } = await dulyHere(['start'], env)
      const sentence = `Cannot listen on 127.0.0.1:${port}: the port is in use. Stop the program that uses it, or set ${setting} to a free port.\n`
      assert.deepEqual([code, stderr, existsSync(dataDir)], [69, sentence, false])
    }
    other.close()
  })

  it('rejects data of another PostgreSQL version', async () => {
    const database = await ownDatabase()
    writeFileSync(join(String(database.env.DATA_DIR), 'postgres', 'PG_VERSION'), '99\n')
    const { code, stderr } = await dulyHere(['start'], database.env)
    assert.equal(code, 78)
    assert.match(stderr, /was written by PostgreSQL 99\. This version of Duly needs PostgreSQL 18/)
    await database.drop()
  })

  it('completes requests in flight before it ends', async () => {
    const database = await ownDatabase()
    const user = newUser()
    const { child, ended, url } = await dulyStart({ ...database.env, ...unlimited })
    const writes = Array.from({ length: 200 }, (_, n) =>
      callAt(url, 'POST', '/api/tasks', { user, json: { title: `${n}` } }).then(
        ({ status }) => status,
        () => 'refused',
      ),
    )
    await Promise.race(writes)
    child.kill('SIGTERM')
    const outcomes = await Promise.all(writes)
    assert.equal((await ended).code, 0)
    const next = await served({}, database)
    const { body } = await next.call('GET', '/api/tasks?limit=1000', { user })
    await next.close()
    await database.drop()
    assert.equal(body.total, outcomes.filter(outcome => outcome === 201).length)
    assert.ok(outcomes.every(outcome => outcome === 201 || outcome === 503 || outcome === 'refused'))
  })
})

describe('the embedded database', () => {
  it('syncs to disk, unless disabled', async () => {
    const database = await ownDatabase()
    for (const sync of ['on', 'off']) {
      const { db } = await openDatabase({ ...database.env, DATA_SYNC: sync })
      const [row] = await db.query(unprepared(`select current_setting('fsync')`))
      assert.equal(row?.[0], sync)
      await db.close()
    }
    await database.drop()
  })
})

describe('the command line', () => {
  it('reports all invalid settings together, with fixes and misspelt names, without secrets', async () => {
    const wrong = {
      PROT: '9000',
      PORT: '70000',
      API_HOST: '',
      DATABASE_URL: 'mysql://root:hunter2@localhost/x',
      DATABASE_POOL: 'many',
      JWT_SECRET: 'too short',
      ALGORITHM: 'none',
      JWKS_URL: 'not an address',
      CONTRACT: 'rest',
      CORS_ORIGINS: 'localhost',
      LOG_LEVEL: 'loud',
    }
    const { code, stderr, stdout } = await duly(['start'], wrong).ended
    assert.equal(code, 78)
    assert.equal(stdout, '')
    const named = [
      'PORT',
      'DATABASE_URL',
      'DATABASE_POOL',
      'JWT_SECRET',
      'ALGORITHM',
      'JWKS_URL',
      'CONTRACT',
      'LOG_LEVEL',
    ]
    for (const name of [...named, 'CORS_ORIGINS'])
      assert.match(stderr, new RegExp(`^  - ${name}(=".*")?: .+[.?]$`, 'm'))
    assert.match(stderr, /^Warnings:\n {2}- PROT is not a setting of Duly\. Did you mean PORT\?$/m)
    for (const value of ['hunter2', 'too short']) assert.ok(!stderr.includes(value))
  })

  it('prints help', async () => {
    for (const args of [['-h'], ['token', '-h']]) {
      const { code, stdout } = await dulyHere(args)
      assert.equal(code, 0)
      assert.match(stdout, /Usage: duly/)
    }
    const { code, stdout } = await duly(['--help']).ended
    assert.equal(code, 0)
    assert.match(stdout, /Usage: duly/)
    assert.match((await dulyHere(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
  })
})

describe('duly migrate', () => {
  it('reverts the last migration of an embedded database, and runs it again', async () => {
    const { env, drop } = await ownDatabase()
    const migrate = async (...args: string[]) => (await dulyHere(['migrate', ...args], env)).stdout
    assert.match(await migrate('down', '--yes'), /^reverted: [^\n]+\n$/)
    assert.match(await migrate('up'), /^applied: [^\n]+\n$/)
    await drop()
  })
})

describe('the request log', () => {
  it('has one line per request, without tokens, bodies, titles and queries', async () => {
    const api = await served()
    const user = newUser()
    await api.call('POST', `/api/${user}/tasks?note=private`, { user, json: { title: 'very private' } })
    await api.call('GET', '/api/tasks?limit=5', { token: 'not.a.token' })
    await api.call('GET', '/nowhere?private')
    await api.close()
    const lines = api.lines.filter(line => line.msg === 'request')
    const kept = lines.map(({ method, route, status, user }) => ({ method, route, status, user }))
    assert.deepEqual(kept, [
      { method: 'POST', route: '/api/:user_id/tasks', status: 201, user },
      { method: 'GET', route: '/api/tasks', status: 401, user: undefined },
      { method: 'GET', route: 'none', status: 404, user: undefined },
    ])
    assert.ok(lines.every(line => typeof line.reqId === 'string' && typeof line.ms === 'number'))
    assert.equal(new Set(lines.map(line => line.reqId)).size, 3)
    const all = JSON.stringify(api.lines)
    for (const secret of ['private', 'eyJ', 'not.a.token', testSecret])
      assert.ok(!all.includes(secret), secret)
    const reason = api.lines.find(line => line.msg === 'token rejected')
    assert.equal(typeof reason?.reason, 'string')
  })
})
