import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { dulyHere } from './command.ts'
import { operator } from './operator.ts'
import { newPerson, type Person } from './person.ts'
import { duly, type Ended } from './program.ts'
import {
  type Env,
  newUser,
  type OwnDatabase,
  onPostgres,
  ownDatabase,
  type Served,
  served,
  testSecret,
  tokenOf,
} from './served.ts'

// `duly user`, `duly keys` and `duly webhooks`, with and without a running server.

let own: OwnDatabase
let env: Env
before(async () => {
  own = await ownDatabase()
  env = { ...own.env, PORT: '0', BETTER_AUTH_SECRET: testSecret }
})
after(() => own.drop())

/** In this process, except those that read standard input. */
async function run(args: string[], input?: string): Promise<Ended> {
  if (input === undefined) return dulyHere(args, env)
  const program = duly(args, env)
  program.child.stdin?.end(input)
  return program.ended
}

async function says(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await run(args)
  assert.equal(code, 0, stderr)
  return stdout.split('\n').filter(line => line !== '')
}

const signIn = ({ auth, email, password }: Person) => auth('POST', '/sign-in/email', { email, password })

function statusesOf(api: () => Pick<Served, 'call'>) {
  const statusOf = async (token: string) => (await api().call('GET', '/api/v1/tasks', { token })).status
  const becomes = async (status: number, token: string) => {
    while ((await statusOf(token)) !== status) await pause(20)
  }
  return { statusOf, becomes }
}

describe('an operator, while a server runs', () => {
  let api: Served
  before(async () => {
    api = await served({}, own)
  })
  after(() => api.close())

  const { statusOf, becomes } = statusesOf(() => api)

  it('adds users, who sign in with a printed password, or with their own', async () => {
    const [line = '', secret = ''] = await says('user', 'add', 'Ann@example.com', '--name', 'Ann')
    assert.match(line, /^[A-Za-z0-9]{32} {2}ann@example\.com$/)
    const password = secret.replace('password: ', '')
    const signedIn = await signIn(newPerson(api, { email: 'ann@example.com', password }))
    assert.deepEqual([signedIn.status, signedIn.body.user.name], [200, 'Ann'])
    const added = await run(['user', 'add', 'bea@example.com', '--password-stdin'], 'my own password\n')
    assert.deepEqual([added.code, added.stdout.includes('password')], [0, false])
    assert.equal(
      (await signIn(newPerson(api, { email: 'bea@example.com', password: 'my own password' }))).status,
      200,
    )
    const lines = await says('user', 'list')
    assert.ok(lines.some(row => row.includes('  ann@example.com  "Ann"')))
    const [first] = (await says('user', 'list', '--json')).map(row => JSON.parse(row))
    assert.deepEqual(Object.keys(first), ['id', 'email', 'name', 'createdAt', 'isVerified', 'disabledAt'])
  })

  it('disables, enables, signs out and removes a user', async () => {
    const email = 'cleo@example.com'
    await operator(api, ['user', 'add', email, '--password-stdin'], 'correct horse')
    const person = newPerson(api, { email, password: 'correct horse' })
    await signIn(person)
    let token = await person.token()
    assert.equal((await api.call('POST', '/api/v1/tasks', { token, json: { title: 'Mine' } })).status, 201)

    assert.match((await says('user', 'disable', email))[0] ?? '', /is disabled\.$/)
    await becomes(401, token)
    assert.equal((await person.auth('GET', '/get-session')).body, null)
    const refused = await signIn(newPerson(api, person))
    assert.deepEqual([refused.status, refused.body.code], [403, 'USER_DISABLED'])
    assert.ok((await says('user', 'list')).some(row => row.includes(email) && row.includes('  disabled ')))

    await says('user', 'enable', email)
    assert.equal((await signIn(person)).status, 200)
    token = await person.token()
    await becomes(200, token)
    assert.equal((await api.call('GET', '/api/v1/tasks', { token })).body.tasks.length, 1)
    await says('user', 'sign-out', email)
    await becomes(401, token)

    await signIn(person)
    token = await person.token()
    const careful = await run(['user', 'remove', email])
    assert.deepEqual([careful.code, /Add --yes/.test(careful.stderr)], [64, true])
    assert.equal(await statusOf(token), 200)
    await says('user', 'remove', email, '--yes')
    await becomes(401, token)
    assert.equal(
      (await says('user', 'list')).some(row => row.includes(email)),
      false,
    )
    assert.equal((await signIn(newPerson(api, person))).status, 401)
  })

  it('lists webhooks without secrets in URLs, lists their deliveries, and repeats one', async () => {
    const user = newUser()
    const json = { url: 'https://receiver.invalid/hook-of-mine', events: ['task.*'], is_active: false }
    const { body: hook } = await api.call('POST', '/api/v1/webhooks', { user, json })
    const { body: test } = await api.call('POST', `/api/v1/webhooks/${hook.id}/test`, { user })
    const who = [user, '--other-issuer']
    const [line = ''] = await says('webhooks', 'list', ...who)
    assert.match(line, /^\d+ {2}\S+ {2}inactive {2}https:\/\/receiver\.invalid {2}task\.\*$/)
    const [verb, of] = ['deliveries', [user, String(hook.id), '--other-issuer']] as const
    const attempts = async () =>
      (await api.call('GET', `/api/v1/webhooks/${hook.id}/deliveries`, { user })).body.deliveries[0].attempts
    while ((await attempts()) !== 1) await pause(20)
    assert.match((await says('webhooks', verb, ...of))[0] ?? '', /attempts: 1 {2}name_not_resolved$/)
    const [again = ''] = await says('webhooks', 'redeliver', user, String(hook.id), test.id, '--other-issuer')
    assert.ok(again.startsWith(`${test.id} is queued`))
    if (!onPostgres) {
      while ((await attempts()) !== 2) await pause(20)
      assert.match((await says('webhooks', verb, ...of))[0] ?? '', /failed {2}attempts: 2/)
    }
    const { code, stderr } = await run(['webhooks', 'deliveries', user, '999999', '--other-issuer'])
    assert.deepEqual([code, /There is no such webhook/.test(stderr)], [65, true])
  })

  it('rotates the signing keys', async () => {
    const [line = ''] = await says('keys', 'rotate')
    assert.match(line, /^[A-Za-z0-9]{32} signs in 60 s\.$/)
    assert.ok((await says('keys', 'list')).some(row => row.startsWith(line.slice(0, 32))))
  })

  it('reports errors', async () => {
    for (const [args, code, message] of [
      [['user', 'add', 'ann@example.com'], 65, /An account for "ann@example.com" already exists/],
      [['user', 'disable', 'no body@example.com'], 64, /is not an email address/],
      [['user', 'disable', 'nobody@example.com'], 65, /There is no account for "nobody@example.com"/],
    ] as const) {
      const ended = await run([...args])
      assert.equal(ended.code, code, args.join(' '))
      assert.match(ended.stderr, message)
      assert.equal(ended.stdout, '')
    }
  })

  if (!onPostgres) {
    it('uses a socket that only its user can access', () => {
      const { mode } = statSync(join(own.env.DATA_DIR ?? '', 'control'))
      assert.equal(mode & 0o777, 0o600)
    })
  }

  it('disables and removes a user of another issuer', async () => {
    const token = tokenOf('stranger')
    assert.equal((await api.call('POST', '/api/v1/tasks', { token, json: { title: 'Mine' } })).status, 201)
    await operator(api, ['user', 'disable', 'stranger', '--other-issuer'])
    await becomes(401, token)
    await operator(api, ['user', 'enable', 'stranger', '--other-issuer'])
    await becomes(200, token)
    await operator(api, ['user', 'remove', 'stranger', '--other-issuer', '--yes'])
    assert.deepEqual((await api.call('GET', '/api/v1/tasks', { token })).body.tasks, [])
  })

  it('selects a user of another issuer explicitly, even if an account has that email address', async () => {
    const name = 'someone@example.com'
    await operator(api, ['user', 'add', name, '--password-stdin'], 'correct horse')
    const person = newPerson(api, { email: name, password: 'correct horse' })
    assert.equal((await signIn(person)).status, 200)
    const here = await person.token()
    const there = tokenOf(name)
    await becomes(200, there)
    await operator(api, ['user', 'disable', name, '--other-issuer'])
    await becomes(401, there)
    assert.equal(await statusOf(here), 200)
    assert.equal((await signIn(newPerson(api, person))).status, 200)
    await operator(api, ['user', 'remove', name, '--other-issuer', '--yes'])
    assert.equal(await statusOf(there), 401, 'the user is still disabled')
    assert.equal(await statusOf(here), 200)
    await operator(api, ['user', 'enable', name, '--other-issuer'])
    await becomes(200, there)
    await operator(api, ['user', 'disable', name])
    await becomes(401, here)
    assert.equal(await statusOf(there), 200)
    const id = here === '' ? '' : String(JSON.parse(atob(here.split('.')[1] ?? '')).sub)
    await assert.rejects(operator(api, ['user', 'disable', id, '--other-issuer']), {
      exitCode: 65,
      message: /Leave --other-issuer out/,
    })
  })

  it('finds an account by every spelling of its email address', async () => {
    await operator(api, ['user', 'add', ' Anna@BÜCHER.example', '--password-stdin'], 'correct horse')
    const twice = operator(api, ['user', 'add', 'anna@xn--bcher-kva.example'])
    await assert.rejects(twice, { exitCode: 65 })
    assert.match(
      (await operator(api, ['user', 'disable', 'ANNA@bücher.example']))[0] ?? '',
      /^anna@xn--bcher-kva\.example /,
    )
    await operator(api, ['user', 'enable', 'anna@xn--bcher-kva.example'])
    assert.equal(
      (await signIn(newPerson(api, { email: 'anna@bücher.example ', password: 'correct horse' }))).status,
      200,
    )
  })
})

describe('an operator, while no server runs', () => {
  it('has the same commands', async () => {
    const email = 'dora@example.com'
    const [, secret = ''] = await says('user', 'add', email)
    const password = secret.replace('password: ', '')
    await says('user', 'disable', email)
    const api = await served({}, own)
    const refused = await signIn(newPerson(api, { email, password }))
    await api.close()
    assert.deepEqual([refused.status, refused.body.code], [403, 'USER_DISABLED'])
  })
})
