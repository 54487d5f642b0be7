import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sweepAccounts } from '../server/accounts/sweep.ts'
import { disableUser, enableUser, finishRemovals, removeAccount } from '../server/accounts/users.ts'
import { subjectOf } from '../server/auth/revocations.ts'
import { unprepared } from '../server/db/database.ts'
import { operator } from './operator.ts'
import { behindProxy, newPerson, newUserHere, type Person } from './person.ts'
import { newUser, type Served, served, tokenOf, twoReplicas, unlimited } from './served.ts'
import { startSmtpServer } from './smtp-server.ts'

// Only an operator lifts a ban.

let api: Served
let other: Served
let close: () => Promise<void>
before(async () => {
  ;({ api, other, close } = await twoReplicas({ ...behindProxy, ...unlimited }))
})
after(() => close())

const db = () => api.server.db
const signIn = ({ auth, email, password }: Person) => auth('POST', '/sign-in/email', { email, password })
const signUp = ({ auth, email, password }: Person) =>
  auth('POST', '/sign-up/email', { name: 'Somebody', email, password })
const statusOf = async (at: Served, token: string) =>
  (await at.call('GET', '/api/v1/tasks', { token })).status

const refusal = unprepared('select refused, expires_at from duly.revocations where subject = $1')
/** Resolves when the running removal has revoked the user's tokens. */
async function isBegun(user: string): Promise<void> {
  while ((await db().query(refusal, [subjectOf('user', user)]))[0]?.[0] !== 't') await pause(5)
}
/** Resolves when the replica responds with this status. */
async function becomes(at: Served, status: number, token: string): Promise<void> {
  while ((await statusOf(at, token)) !== status) await pause(20)
}

describe('a ban of a user of another issuer', () => {
  it('stays in force when a removal of their tasks is already running, on every replica', async () => {
    const user = newUser('banned')
    const token = tokenOf(user)
    assert.equal((await api.call('POST', '/api/v1/tasks', { token, json: { title: 'Mine' } })).status, 201)
    const removals = [api, other, api].map(at => at.call('DELETE', '/api/v1/account', { token }))
    await isBegun(user)
    await operator(other, ['user', 'disable', user, '--other-issuer'])
    await Promise.all(removals)
    const [row] = await db().query(refusal, [subjectOf('user', user)])
    assert.deepEqual([row?.[0], row?.[1]], ['t', null])
    for (const at of [api, other]) await becomes(at, 401, token)
    await operator(api, ['user', 'enable', user, '--other-issuer'])
    for (const at of [api, other]) await becomes(at, 200, token)
  })

  it('stays in force during a later removal, also one by an operator', async () => {
    const user = newUser('banned')
    await disableUser(db(), user)
    await operator(api, ['user', 'remove', user, '--other-issuer', '--yes'])
    await sweepAccounts(db())
    const [row] = await db().query(refusal, [subjectOf('user', user)])
    assert.deepEqual([row?.[0], row?.[1]], ['t', null])
  })

  it('does not apply to a user who is not banned: they can return after a removal', async () => {
    const user = newUser('returns')
    const token = tokenOf(user)
    assert.equal((await api.call('DELETE', '/api/v1/account', { token })).status, 204)
    for (const at of [api, other]) await becomes(at, 200, token)
  })
})

describe('a ban of an account', () => {
  it('is not lifted by deleting the account, nor by signing up with the same address', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const left = person.auth('POST', '/delete-user', { password: person.password })
    await isBegun(person.id)
    await disableUser(other.server.db, person.id)
    await left
    await sweepAccounts(db())
    for (const at of [api, other]) await becomes(at, 401, token)
    for (const email of [person.email, ` ${person.email.toUpperCase()}`]) {
      const again = await signUp(newPerson(other, { email }))
      assert.deepEqual([again.status, again.body.code], [403, 'USER_DISABLED'])
    }
    await assert.rejects(operator(api, ['user', 'add', person.email]), /is disabled/)
    await operator(api, ['user', 'enable', person.email])
    assert.equal((await signUp(newPerson(api, { email: person.email }))).status, 200)
  })

  it('prevents the user from deleting the account; an operator can delete it', async () => {
    const person = await newUserHere(api)
    await disableUser(db(), person.id)
    assert.equal(await removeAccount(db(), person.id, 'user'), false)
    assert.equal((await signIn(newPerson(api, person))).status, 403)
    await operator(api, ['user', 'remove', person.email, '--yes'])
    assert.equal((await signUp(newPerson(api, person))).status, 403)
  })

  it('does not let another account take over the address', async () => {
    const banned = await newUserHere(api)
    await operator(api, ['user', 'disable', banned.email])
    await operator(api, ['user', 'remove', banned.email, '--yes'])
    const person = await newUserHere(other)
    const { status } = await person.auth('POST', '/change-email', { newEmail: banned.email })
    assert.notEqual(status, 200)
    assert.equal((await person.auth('GET', '/get-session')).body.user.email, person.email)
  })

  it('is not lifted by "duly user enable" while the account is being deleted', async () => {
    const person = await newUserHere(api)
    const removal = removeAccount(db(), person.id, 'user')
    await isBegun(person.id)
    assert.equal(await enableUser(other.server.db, person.id), false)
    assert.equal(await removal, true)
    await finishRemovals(db())
    assert.equal((await signIn(newPerson(other, person))).status, 401)
    const [row] = await db().query(refusal, [subjectOf('user', person.id)])
    assert.equal(row?.[0], 't')
  })

  it('is not revealed by sign-up if emails are sent', async () => {
    const smtp = await startSmtpServer()
    const sending = await served({ ...behindProxy, SMTP_URL: smtp.url })
    try {
      const email = 'banned@example.com'
      await operator(sending, ['user', 'add', email])
      await operator(sending, ['user', 'disable', email])
      await operator(sending, ['user', 'remove', email, '--yes'])
      const [known, unknown] = [await signUp(newPerson(sending, { email })), await signUp(newPerson(sending))]
      const shape = ({ status, body }: typeof known) => [status, Object.keys(body), Object.keys(body.user)]
      assert.deepEqual(shape(known), shape(unknown))
      assert.equal(
        smtp.emails.some(({ to }) => to === email),
        false,
      )
    } finally {
      await sending.close()
      await smtp.close()
    }
  })
})
