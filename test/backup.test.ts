import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { dulyHere } from './command.ts'
import { dataFolder } from './data-folder.ts'
import { newPerson, newUserHere } from './person.ts'
import { duly } from './program.ts'
import {
  type Env,
  newUser,
  type OwnDatabase,
  onPostgres,
  ownDatabase,
  served,
  testSecret,
  tokenOf,
  unlimited,
} from './served.ts'

const folder = dataFolder()
const file = join(folder, 'tasks.backup')
// The embedded database uses the secret that it generated, which the backup must include.
const secret = { BETTER_AUTH_SECRET: onPostgres ? testSecret : '' }

let own: OwnDatabase
let target: OwnDatabase
before(async () => {
  own = await ownDatabase()
  target = await ownDatabase('empty')
})
after(async () => {
  await own.drop()
  await target.drop()
  rmSync(folder, { recursive: true, force: true })
})

async function succeeds(args: string[], env: Env) {
  const done = await dulyHere(args, env)
  assert.equal(done.code, 0, done.stderr)
  return done
}

const tokenFor = (user: string, { DATA_DIR }: Env) =>
  tokenOf(user, {}, onPostgres ? testSecret : readFileSync(join(String(DATA_DIR), 'secret'), 'utf8').trim())

describe('a backup that is made during writes', () => {
  const users = [newUser('ann'), newUser('bea'), newUser('cleo')]
  const acknowledged: string[] = []
  let ann: Awaited<ReturnType<typeof newUserHere>>
  let script = ''

  before(async () => {
    const api = await served({ ...secret, ...unlimited }, own)
    ann = await newUserHere(api)
    const made = await api.call('POST', '/api/v1/tokens', {
      token: await ann.token(),
      json: { name: 'a script', scopes: ['tasks:read'], expires_in_days: 30 },
    })
    assert.equal(made.status, 201, made.text)
    script = made.body.token
    let writing = true
    const write = async (user: string) => {
      const token = tokenFor(user, own.env)
      for (let n = 0; writing; n += 1) {
        const title = `${user} ${n}`
        const { status, body } = await api.call('POST', '/api/tasks', { token, json: { title } })
        assert.equal(status, 201)
        acknowledged.push(title)
        if (n % 3 === 0) await api.call('PATCH', `/api/tasks/${body.id}/complete`, { token })
        // Leaves CPU time to the backup.
        if (acknowledged.length > 100) await pause(50)
      }
    }
    const writers = users.map(write)
    while (acknowledged.length < 100) await pause(5)
    const before = acknowledged.length
    const { child, ended } = duly(['backup', '-'], { ...own.env, ...secret })
    const chunks: Buffer[] = []
    child.stdout?.on('data', chunk => chunks.push(chunk))
    const { code, stderr } = await ended
    assert.deepEqual([code, /Verified by checksum/.test(stderr)], [0, true], stderr)
    writeFileSync(file, Buffer.concat(chunks))
    writing = false
    await Promise.all(writers)
    acknowledged.length = before
    await api.close()
  })

  it('leaves no temporary files', () => {
    assert.ok(!readdirSync(String(own.env.DATA_DIR)).some(name => name.startsWith('backup-')))
  })

  it('is written to standard output, has all acknowledged writes, and users sign in as before', async () => {
    const { stdout } = await succeeds(['restore', file], { ...target.env, ...secret })
    assert.match(stdout, /Every row was verified/)
    const api = await served(secret, target)
    const stored: string[] = []
    for (const user of users) {
      const token = tokenFor(user, target.env)
      for (let offset = 0, more = true; more; offset += 1000) {
        const { body } = await api.call('GET', `/api/tasks?limit=1000&offset=${offset}`, { token })
        stored.push(...body.tasks.map((task: { title: string }) => task.title))
        more = body.has_more
      }
    }
    assert.deepEqual(
      acknowledged.filter(title => !stored.includes(title)),
      [],
    )
    const back = newPerson(api, ann)
    for (const [name, value] of ann.cookies) back.cookies.set(name, value)
    assert.equal((await back.auth('GET', '/get-session')).body.user.id, ann.id, 'the session continues')
    const again = newPerson(api, ann)
    assert.equal(
      (await again.auth('POST', '/sign-in/email', { email: ann.email, password: ann.password })).status,
      200,
    )
    assert.equal((await api.call('GET', '/api/v1/tasks', { token: await again.token() })).status, 200)
    assert.equal(
      (await api.call('GET', '/api/v1/tasks', { token: script })).status,
      200,
      'the personal access token still works',
    )

    const torn = unprepared(
      `select o.id from duly.owners o join duly.tasks t on t.user_id = o.id
      group by o.id having o.revision <> max(t.revision) or o.task_count <> count(*)`,
    )
    assert.deepEqual(await api.server.db.query(torn), [])
    await api.close()
  })

  it('is readable by its owner only, and can be verified by restoring it', async () => {
    const tried = await succeeds(['backup', file, '--force', '--verify'], { ...own.env, ...secret })
    assert.match(tried.stderr, /Verified by restoring it/)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(folder), ['tasks.backup'])
  })

  it('does not overwrite a file, and is not made without a database', async () => {
    const there = await dulyHere(['backup', file], { ...own.env, ...secret })
    assert.deepEqual([there.code, /already exists/.test(there.stderr)], [73, true])
    const long = join(folder, 'x'.repeat(250))
    const tooLong = await dulyHere(['backup', long], { ...own.env, ...secret })
    assert.deepEqual(
      [tooLong.code, /^Cannot write the backup: the path is too long/.test(tooLong.stderr)],
      [73, true],
    )
    const nothing = join(folder, 'nothing')
    const { code, stderr } = await dulyHere(['backup', join(folder, 'x')], { DATA_DIR: nothing })
    assert.deepEqual([code, /There is no database in/.test(stderr), existsSync(nothing)], [78, true, false])
  })
})
