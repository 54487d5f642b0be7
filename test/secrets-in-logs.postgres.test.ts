import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { unprepared } from '../server/db/database.ts'
import { FaultyNetwork } from './faults/faulty-network.ts'
import { assertNoLeak } from './leaks.ts'
import { newPerson } from './person.ts'
import { duly, dulyStart, type RunningServer } from './program.ts'
import { rawCaller } from './raw-call.ts'
import { type Call, callAt, type OwnDatabase, openDatabase, ownDatabase, tokenOf } from './served.ts'

// The program with every secret setting and at the most verbose level, while its dependencies fail.

const secrets = {
  BETTER_AUTH_SECRET: 'the secret that signs, of which no log knows',
  BETTER_AUTH_SECRET_ALSO: 'the secret before it, of which no log knows',
  GITHUB_CLIENT_ID: 'an-id',
  GITHUB_CLIENT_SECRET: 'what-github-has-given',
  GOOGLE_CLIENT_ID: 'an-id',
  GOOGLE_CLIENT_SECRET: 'what-google-has-given',
  // No server listens there.
  REDIS_URL: 'redis://user:what-redis-asks-for@127.0.0.1:9',
  SMTP_URL: 'smtp://user:what-the-post-asks-for@127.0.0.1:9',
}

let database: OwnDatabase
let network: FaultyNetwork
let program: RunningServer
let env: Record<string, string>
before(async () => {
  database = await ownDatabase()
  network = new FaultyNetwork(String(database.env.DATABASE_URL))
  await network.listen()
  const { db } = await openDatabase(database.env)
  // PostgreSQL includes as many values in its errors as it can be configured to.
  await db.query(
    unprepared(
      `do $$ begin execute format('alter database %I set log_parameter_max_length_on_error = -1', current_database()); end $$`,
    ),
  )
  await db.close()
  const url = new URL(network.url)
  url.password = 'what-postgresql-asks-for'
  env = { ...secrets, DATABASE_URL: String(url), LOG_LEVEL: 'trace' }
  program = await dulyStart(env)
})
after(async () => {
  program.child.kill('SIGKILL')
  network.close()
  await database.drop()
})

const call = (method: string, path: string, more: Call = {}) => callAt(program.url, method, path, more)
const change = async (text: string, values: string[] = []) => {
  const { db } = await openDatabase(database.env)
  await db.query(unprepared(text), values)
  await db.close()
}

describe('the log of a program with every secret', () => {
  const user = 'somebody'
  const token = tokenOf(user, {}, secrets.BETTER_AUTH_SECRET)
  const title = 'words of mine that are private'

  it('reports users, and not what they sign in with', async () => {
    const person = newPerson({ call })
    const { auth, email, password } = person
    await auth('POST', '/sign-up/email', { name: 'Ann', email, password })
    await program.printed(/cannot send an email/)
    await change('update duly."user" set "emailVerified" = true where email = $1', [email])
    assert.equal((await auth('POST', '/sign-in/email', { email, password: 'a wrong password' })).status, 401)
    assert.equal((await auth('POST', '/sign-in/email', { email, password })).status, 200)
    await auth('POST', '/two-factor/enable', { password })
    const mine = await person.token()
    const made = await call('POST', '/api/v1/tokens', {
      token: mine,
      json: { name: 'x', scopes: ['tasks:read'] },
    })
    assert.equal(
      (await call('GET', `/api/v1/tasks?q=${encodeURIComponent(title)}`, { token: made.body.token })).status,
      200,
    )
    await auth('GET', '/callback/github?code=a-code-of-github&state=a-state-of-somebody')
    assert.ok(person.cookies.size > 0)
  })

  it('reports requests that cannot be parsed, and not their content', async () => {
    const { call: send, close } = rawCaller(program.url)
    const authorization = `Bearer ${token}`
    const large = { 'x-large': 'x'.repeat(20_000) }
    for (const [path, headers, body] of [
      ['/api/tasks', {}, `{"title":"${title}`],
      ['/api/tasks', large, ''],
      [`/api/%zz?token=${token}`, {}, ''],
      [`/nowhere/${token}`, {}, ''],
    ] as const)
      assert.ok(
        (await send({ method: 'POST', path, headers: { authorization, ...headers }, body })).status >= 400,
      )
    close()
    for (const bad of [`${token}x`, tokenOf(user, { exp: 1 }, secrets.BETTER_AUTH_SECRET)])
      assert.equal((await call('GET', '/api/tasks', { token: bad })).status, 401)
  })

  it('reports which statement failed, and not its values', async () => {
    const write = (path: string) =>
      call('POST', path, {
        token,
        json: { title, description: title },
        headers: { 'idempotency-key': 'a-key-of-mine-alone' },
      })
    assert.equal((await write('/api/v1/tasks')).status, 201)
    await change(`alter table duly.tasks add constraint fault check (title not like 'words%') not valid`)
    assert.equal((await write('/api/tasks')).status, 500)
    await program.printed(/"code":"23514"/)
    await change('alter table duly.tasks drop constraint fault')
    assert.equal((await write('/api/tasks')).status, 201)
  })

  it('reports that the database is unavailable, and not the values of statements', async () => {
    for (const mode of ['reset', 'shut'] as const) {
      network.set(mode)
      assert.equal((await call('POST', '/api/v1/tasks', { token, json: { title } })).status, 503)
      network.set('open')
      while ((await call('POST', '/api/v1/tasks', { token, json: { title } })).status !== 201);
    }
    await program.printed(/Redis is unavailable/)
  })

  it('contains no secret at the end', async () => {
    program.child.kill('SIGTERM')
    const { code, stdout } = await program.ended
    assert.equal(code, 0)
    assert.ok(stdout.split('\n').length > 20)
  })
})

describe('the search for secrets in output', () => {
  it('detects every kind of secret', () => {
    const given = [
      ...Object.entries(secrets).flatMap(([name, value]) => (/SECRET/.test(name) ? [value] : [])),
      ...['what-postgresql-asks-for', 'what-redis-asks-for', 'what-the-post-asks-for'],
      ...[
        'correct horse battery',
        'a wrong password',
        'words of mine that are private',
        'a-key-of-mine-alone',
      ],
      tokenOf('somebody', { exp: 1 }, secrets.BETTER_AUTH_SECRET),
    ]
    for (const secret of given) {
      const line = `{"level":30,"msg":"request","err":{"message":"it was ${secret}, and"}}`
      assert.throws(() => assertNoLeak(`{"msg":"before"}\n${line}\n{"msg":"after"}`), /was printed/, secret)
    }
    assertNoLeak('{"msg":"nothing of the kind"}')
  })

  it('ignores the link of an unsent email, and nothing else on its line', () => {
    const line = { msg: 'SMTP_URL is not set: this link was not emailed', link: 'correct horse battery' }
    assertNoLeak(JSON.stringify(line))
    assert.throws(() => assertNoLeak(JSON.stringify({ ...line, to: 'correct horse battery' })), /was printed/)
    assert.throws(() => assertNoLeak(JSON.stringify({ ...line, msg: 'another' })), /was printed/)
  })

  it('detects a program that prints a secret', async () => {
    const leaking = fileURLToPath(new URL('./leaking-program.js', import.meta.url))
    await assert.rejects(duly([], env, leaking).ended, /(SECRET|_URL) was printed/)
  })
})
