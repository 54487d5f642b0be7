import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { migrations } from '../server/db/migrations.ts'
import { dulyHere } from './command.ts'
import { duly, type Ended } from './program.ts'
import { newUser, type OwnDatabase, ownDatabase, type Served, served, testSecret } from './served.ts'

let own: OwnDatabase
let url = ''
const one = String(migrations.length - 1)
before(async () => {
  own = await ownDatabase()
  url = String(own.env.DATABASE_URL)
})
after(() => own.drop())

function run(args: string[], env = {}): Promise<Ended> {
  const settings = { ...own.env, BETTER_AUTH_SECRET: testSecret, ...env }
  return args[0] === 'backup' ? duly(args, settings).ended : dulyHere(args, settings)
}
async function applied(): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query('select count(*)::integer as count from duly.migrations')
  await client.end()
  return rows[0].count
}

async function whileServing<T>(
  settings: Record<string, string>,
  work: (api: Served) => Promise<T>,
): Promise<T> {
  const api = await served(settings, own)
  try {
    assert.equal((await api.call('GET', '/api/v1/tasks', { user: newUser() })).status, 200)
    return await work(api)
  } finally {
    await api.close()
  }
}

describe('migrate', () => {
  it('lists the migrations, reverts them and runs them again', async () => {
    const says = async (...args: string[]) => (await run(['migrate', ...args])).stdout
    assert.match(await says('up'), /^Nothing to do/)
    assert.match(await says('status'), /^1 {2}applied \d{4}-\d\d-\d\dT/)
    assert.match(await says('down', '--yes'), /^reverted: [^\n]+\n$/)
    assert.match(await says('down', '--to', '0', '--yes'), /^reverted: /)
    assert.match(await says('up'), /^applied: /)
    assert.equal(await applied(), migrations.length)
    const beyond = await run(['migrate', 'down', '--to', String(migrations.length + 1)])
    assert.deepEqual([beyond.code, beyond.stdout], [64, ''])
  })
})

describe('migrate down', () => {
  it('is refused while a server is connected, under any application name', async () => {
    const named = `${url}?application_name=something%20else`
    for (const settings of [{}, { DATABASE_URL: named }]) {
      await whileServing(settings, async api => {
        const { code, stderr } = await run(['migrate', 'down', '--to', '0', '--yes', '--force'])
        assert.equal(code, 69, stderr)
        assert.match(stderr, /^Servers of Duly are connected to this database\. Stop them first/)
        assert.equal(await applied(), migrations.length)
        assert.equal((await api.call('GET', '/readyz')).status, 200)
      })
    }
  })

  it('is refused while other connections have that name, as those of a pooler do', async () => {
    const client = new pg.Client({ connectionString: url, application_name: 'duly' })
    await client.connect()
    const { code, stderr } = await run(['migrate', 'down', '--yes'])
    assert.equal(code, 69)
    assert.match(stderr, /^1 other connections .* are named duly\..*--ignore-connections/)
    assert.equal(await applied(), migrations.length)
    const ignoring = await run(['migrate', 'down', '--yes', '--ignore-connections'])
    assert.equal(ignoring.code, 0, ignoring.stderr)
    await client.end()
    assert.equal((await run(['migrate', 'up'])).code, 0)
  })

  it('asks for confirmation, and requires --yes without a terminal', async () => {
    const { code, stderr } = await duly(['migrate', 'down'], own.env).ended
    assert.equal(code, 64)
    assert.match(stderr, /^This reverts .*\. Add --yes to confirm\./)
    assert.equal(await applied(), migrations.length)
  })
})

describe('a read-only command', () => {
  const reading = [
    ['user', 'list'],
    ['keys', 'list'],
    ['migrate', 'status'],
    ['doctor'],
    ['backup', '-'],
    ['user', 'disable', 'nobody@example.com'],
    ['user', 'add', 'somebody@example.com'],
    ['keys', 'rotate'],
  ]
  before(async () => {
    const down = await run(['migrate', 'down', '--to', one, '--yes'])
    assert.equal(down.code, 0, down.stderr)
  })
  after(async () => assert.equal((await run(['migrate', 'up'])).code, 0))

  for (const args of reading) {
    it(`does not migrate: duly ${args.join(' ')}`, async () => {
      const { code, stderr } = await run(args)
      assert.equal(await applied(), migrations.length - 1)
      if (args[0] === 'user' || args[0] === 'keys') {
        assert.equal(code, 78, stderr)
        assert.match(stderr, /lacks 1 migrations.*duly migrate up/)
      }
    })
  }

  it('creates no tables in an empty database', async () => {
    const empty = await ownDatabase('empty')
    for (const args of reading) await run(args, empty.env)
    const { stdout } = await run(['migrate', 'status'], empty.env)
    assert.doesNotMatch(stdout, /applied/)
    await empty.drop()
  })
})
