import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { disableUser, removeAccount } from '../server/accounts/users.ts'
import { type Database, type Row, unprepared } from '../server/db/database.ts'
import { dulyHere } from './command.ts'
import { dataFolder } from './data-folder.ts'
import { behindProxy, newPerson, newUserHere, type Person } from './person.ts'
import { duly } from './program.ts'
import {
  type Env,
  newUser,
  type OwnDatabase,
  onPostgres,
  openDatabase,
  ownDatabase,
  type Served,
  served,
  tokenOf,
} from './served.ts'

const folder = dataFolder()
const file = join(folder, 'tasks.backup')

let own: OwnDatabase
/** An account that was disabled, and one that was also removed. */
let disabled: Person
let epochs: readonly Row[]
let removed: Person
before(async () => {
  own = await ownDatabase()
  const api = await served(behindProxy, own)
  const user = newUser()
  for (const title of ['one', 'two', 'three']) await api.call('POST', '/api/tasks', { user, json: { title } })
  await disableUser(api.server.db, 'banned')
  const [kept, gone] = [await newUserHere(api), await newUserHere(api)]
  for (const { id } of [kept, gone]) await disableUser(api.server.db, id)
  await removeAccount(api.server.db, gone.id, 'operator')
  disabled = kept
  removed = gone
  epochs = await readEpochs(api.server.db)
  await api.close()
  if (!onPostgres)
    writeFileSync(join(String(own.env.DATA_DIR), 'secret'), 'a secret that was made by the server itself')
  await succeeds(['backup', file], own.env)
})
after(async () => {
  await own.drop()
  rmSync(folder, { recursive: true, force: true })
})

const readEpochs = (db: Database) => db.query(unprepared('select epoch from duly.owners order by id'))

async function succeeds(args: string[], env: Env) {
  const done = await dulyHere(args, env)
  assert.equal(done.code, 0, done.stderr)
  return done
}

describe('a restore', () => {
  it('refuses to overwrite data, and sets it aside with --replace', async () => {
    const { env } = own
    const refused = await dulyHere(['restore', file], env)
    assert.deepEqual([refused.code, /--replace/.test(refused.stderr)], [73, true])
    const { stdout } = await succeeds(['restore', file, '--replace'], env)
    const [, aside = ''] = /The previous data is in (?:the schema )?(\S+)\. Remove/.exec(stdout) ?? []
    if (onPostgres) {
      const { db } = await openDatabase(env)
      const [row] = await db.query(unprepared(`select count(*) from ${aside}.tasks`))
      assert.equal(Number(row?.[0]), 3)
      await db.close()
    } else {
      assert.deepEqual(readdirSync(aside).sort(), ['postgres', 'secret'])
    }
  })

  if (!onPostgres) {
    it('that is killed leaves no data that a server would use, and can be repeated', async () => {
      const DATA_DIR = join(folder, 'killed')
      const { child, ended } = duly(['restore', file], { DATA_DIR })
      while (!existsSync(join(DATA_DIR, 'restoring', 'postgres'))) await pause(5)
      child.kill('SIGKILL')
      assert.equal((await ended).signal, 'SIGKILL')
      const { code, stderr } = await dulyHere(['start'], { DATA_DIR, PORT: '0' })
      assert.deepEqual([code, /A restore into .* was interrupted/.test(stderr)], [78, true])
      const { stdout } = await succeeds(['restore', file], { DATA_DIR })
      assert.match(stdout, /Every row was verified/)
      assert.deepEqual(readdirSync(DATA_DIR).sort(), ['lock', 'postgres', 'secret'])
    })

    it('does not change existing data if the file is invalid', async () => {
      const DATA_DIR = join(folder, 'kept')
      mkdirSync(join(DATA_DIR, 'postgres'), { recursive: true })
      writeFileSync(join(folder, 'none'), 'nothing of the kind')
      const { code, stderr } = await dulyHere(['restore', join(folder, 'none'), '--replace'], { DATA_DIR })
      assert.deepEqual([code, /not a backup of Duly/.test(stderr)], [65, true])
      assert.deepEqual(readdirSync(DATA_DIR), ['postgres'])
    })
  }
})

describe('a database that was restored', () => {
  let api: Served
  before(async () => {
    api = await served(behindProxy, own)
  })
  after(() => api.close())

  it('contains the data, and uses no revisions that clients have seen', async () => {
    const { db } = api.server
    const [row] = await db.query(unprepared('select count(*) from duly.tasks'))
    assert.equal(Number(row?.[0]), 3)
    assert.notDeepEqual(await readEpochs(db), epochs)
  })

  it('keeps disabled users disabled', async () => {
    const statusOf = async (user: string) =>
      (await api.call('GET', '/api/v1/tasks', { token: tokenOf(user) })).status
    assert.deepEqual([await statusOf('banned'), await statusOf(newUser())], [401, 200])
    const { email, password } = disabled
    const signedIn = await newPerson(api).auth('POST', '/sign-in/email', { email, password })
    assert.deepEqual([signedIn.status, signedIn.body.code], [403, 'USER_DISABLED'])
    const again = { name: 'x', email: removed.email, password }
    assert.equal((await newPerson(api).auth('POST', '/sign-up/email', again)).body.code, 'USER_DISABLED')
  })

  it('is not replaced while a server uses it', async () => {
    const { code, stderr } = await duly(['restore', file, '--replace'], own.env).ended
    assert.deepEqual([code, /in use by process|A Duly server is connected/.test(stderr)], [73, true])
  })
})
