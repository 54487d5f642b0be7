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

// A ban ends when an operator ends it, and by nothing else.

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
/** Resolves when the removal that is under way refuses the user's tokens. */
async function isBegun(user: string): Promise<void> {
  while ((await db().query(refusal, [subjectOf('user', user)]))[0]?.[0] !== 't') await pause(5)
}
/** Resolves when a replica has looked at the revocations later than now. */
async function becomes(at: Served, status: number, token: string): Promise<void> {
  while ((await statusOf(at, token)) !== status) await pause(20)
}

describe('a ban of a user of another issuer', () => {
  it('outlives the removal of their tasks that was under way, on every replica', async () => {
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

  it('outlives a removal that began after it, by an operator too', async () => {
    const user = newUser('banned')
    await disableUser(db(), user)
    await operator(api, ['user', 'remove', user, '--other-issuer', '--yes'])
    await sweepAccounts(db())
    const [row] = await db().query(refusal, [subjectOf('user', user)])
    assert.deepEqual([row?.[0], row?.[1]], ['t', null])
  })

  it('is no reason to keep others out: who was not banned comes back after a removal', async () => {
    const user = newUser('returns')
    const token = tokenOf(user)
    assert.equal((await api.call('DELETE', '/api/v1/account', { token })).status, 204)
    for (const at of [api, other]) await becomes(at, 200, token)
  })
})

describe('a ban of an account', () => {
  it('is not lifted by the removal of the account, nor by signing up with the same address', async () => {
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

  it('keeps the account: its user cannot remove it, an operator can', async () => {
    const person = await newUserHere(api)
    await disableUser(db(), person.id)
    assert.equal(await removeAccount(db(), person.id, 'user'), false)
    assert.equal((await signIn(newPerson(api, person))).status, 403)
    await operator(api, ['user', 'remove', person.email, '--yes'])
    assert.equal((await signUp(newPerson(api, person))).status, 403)
  })

  it('is not evaded by another account that takes its address', async () => {
    const banned = await newUserHere(api)
    await operator(api, ['user', 'disable', banned.email])
    await operator(api, ['user', 'remove', banned.email, '--yes'])
    const person = await newUserHere(other)
    const { status } = await person.auth('POST', '/change-email', { newEmail: banned.email })
    assert.notEqual(status, 200)
    assert.equal((await person.auth('GET', '/get-session')).body.user.email, person.email)
  })

  it('is not lifted by an account’s removal that an operator interrupts with enable', async () => {
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

  it('is not to be seen at sign-up where emails are sent', async () => {
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
