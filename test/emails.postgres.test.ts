import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { nextOf, post, signInPaths, signUpPaths } from './front-end.ts'
import { behindProxy, newAddress, newPerson, type Person } from './person.ts'
import { type Served, served } from './served.ts'
import { startSmtpServer } from './smtp-server.ts'

let smtp: Awaited<ReturnType<typeof startSmtpServer>>
let api: Served
before(async () => {
  smtp = await startSmtpServer()
  api = await served({ ...behindProxy, SMTP_URL: smtp.url })
})
after(async () => {
  await api.close()
  await smtp.close()
})

const signUp = ({ auth, email, password }: Person) =>
  auth('POST', '/sign-up/email', { name: 'Ann', email, password, callbackURL: '/docs' })
const signIn = ({ auth, email, password }: Person) => auth('POST', '/sign-in/email', { email, password })
const follow = (person: Person, link: string) => {
  const { pathname, search } = new URL(link)
  return person.auth('GET', (pathname + search).replace('/api/auth', ''))
}
const emailOf = async ({ auth }: Person) => (await auth('GET', '/get-session')).body?.user.email

async function confirmed(): Promise<Person> {
  const person = newPerson(api)
  await signUp(person)
  await follow(person, (await smtp.emailTo(person.email)).link)
  return person
}

describe('with SMTP_URL', () => {
  it('an address has to be confirmed before the first sign-in', async () => {
    const person = newPerson(api)
    const { status, body } = await signUp(person)
    assert.deepEqual([status, body.token], [200, null])
    assert.equal(person.cookies.size, 0)
    const early = await signIn(person)
    assert.deepEqual([early.status, early.body.code], [403, 'EMAIL_NOT_VERIFIED'])
    const atFrontEnd = await post(api, nextOf(signInPaths), person)
    assert.equal(atFrontEnd.status, 403)
    assert.match(atFrontEnd.body.detail, /^Confirm your email address first/)
    assert.equal((await post(api, nextOf(signInPaths), { ...person, password: 'wrong horse' })).status, 401)
    const followed = await follow(person, (await smtp.emailTo(person.email)).link)
    assert.deepEqual([followed.status, followed.headers.get('location')], [302, '/docs'])
    assert.equal(await emailOf(person), person.email)
    assert.equal((await signIn(person)).status, 200)
    assert.equal((await post(api, nextOf(signInPaths), person)).status, 200)
  })

  it('signing up at a front end reveals to nobody except the owner that an address has an account', async () => {
    const person = await confirmed()
    const again = (email: string) => post(api, nextOf(signUpPaths), { email, password: 'correct horse' })
    const told: unknown[] = []
    for (const email of [person.email, newPerson(api).email, ` ${person.email.toUpperCase()}`]) {
      const answers = await Promise.all(Array.from({ length: 3 }, () => again(email)))
      told.push(...answers.map(({ status, headers, text }) => [status, [...headers.keys()], text]))
    }
    for (const one of told) assert.deepEqual(one, told[0])
    const [status, , text] = told[0] as [number, string[], string]
    const message = 'Check your email: open the link in it to confirm your address. Then sign in.'
    assert.deepEqual([status, text], [202, JSON.stringify({ message })])
    assert.match((await smtp.emailTo(person.email, 2)).text, /already has an account/)
    assert.equal((await signIn(person)).status, 200)
  })

  it('signing up reveals to nobody except the owner that an address has an account', async () => {
    const person = await confirmed()
    const stranger = newPerson(api, { email: person.email, password: 'a stranger’s one' })
    const [known, unknown] = [await signUp(stranger), await signUp(newPerson(api))]
    assert.equal(known.status, unknown.status)
    const shape = (body: { user: object }) => [Object.keys(body), Object.keys(body.user)]
    assert.deepEqual(shape(known.body), shape(unknown.body))
    assert.deepEqual([...known.headers.keys()], [...unknown.headers.keys()])
    assert.match((await smtp.emailTo(person.email, 2)).text, /already has an account/)
    assert.equal((await signIn(stranger)).status, 401)
    assert.equal((await signIn(person)).status, 200)
  })

  it('three concurrent sign-ups get the same responses with and without an account', async () => {
    const person = await confirmed()
    const told: unknown[] = []
    for (const email of [person.email, newPerson(api).email, ` ${person.email.toUpperCase()}`]) {
      const answers = await Promise.all(
        Array.from({ length: 3 }, () =>
          newPerson(api).auth('POST', '/sign-up/email', {
            name: 'x',
            email,
            password: 'correct horse',
            image: 'https://example.com/x.png',
          }),
        ),
      )
      const shapes = answers.map(({ status, headers, body }) => [
        status,
        [...headers.keys()],
        body.token,
        Object.keys(body.user).sort(),
        { ...body.user, id: body.user.id.length, createdAt: '', updatedAt: '', email: '' },
      ])
      assert.deepEqual(shapes[0], shapes[1])
      assert.deepEqual(shapes[0], shapes[2])
      told.push(shapes[0])
    }
    assert.deepEqual(told[0], told[1])
    assert.deepEqual(told[0], told[2])
    assert.equal((told[0] as unknown[])[0], 200)
  })

  it('a forgotten password is reset with a link that is valid once', async () => {
    const person = await confirmed()
    await person.auth('POST', '/request-password-reset', { email: person.email, redirectTo: '/docs' })
    const { link } = await smtp.emailTo(person.email, 2)
    const token = new URL((await follow(person, link)).headers.get('location') ?? '', link).searchParams.get(
      'token',
    )
    const newPassword = 'a new one for me'
    assert.equal((await person.auth('POST', '/reset-password', { newPassword, token })).status, 200)
    assert.equal((await person.auth('POST', '/reset-password', { newPassword, token })).status, 400)
    assert.equal(await emailOf(person), undefined)
    assert.equal((await signIn(person)).status, 401)
    assert.equal((await signIn({ ...person, password: newPassword })).status, 200)
  })

  it('a stranger who signed up with the address of another user loses the password when the owner resets it', async () => {
    const stranger = newPerson(api, { password: 'a stranger’s one' })
    await signUp(stranger)
    const { email } = stranger
    const owner = newPerson(api, { email })
    await owner.auth('POST', '/request-password-reset', { email })
    const token = new URL((await smtp.emailTo(email, 2)).link).searchParams.get('token')
    const newPassword = owner.password
    assert.equal((await owner.auth('POST', '/reset-password', { newPassword, token })).status, 200)
    // The reset has also confirmed the address.
    assert.equal((await signIn(owner)).status, 200)
    assert.equal((await signIn(stranger)).status, 401)
  })

  it('a stranger who signed up with the address of another user loses all sessions when it is confirmed', async () => {
    const stranger = newPerson(api)
    const { body } = await signUp(stranger)
    const { db } = api.server
    // A session from before SMTP_URL was set.
    await db.query(
      unprepared(`insert into duly.session (id, token, "userId", "expiresAt", "createdAt", "updatedAt")
        values ($1, $1, $1, now() + interval '1 day', now(), now())`),
      [body.user.id],
    )
    const owner = newPerson(api, { email: stranger.email })
    await follow(owner, (await smtp.emailTo(stranger.email)).link)
    assert.equal(await emailOf(owner), stranger.email)
    const sessions = await db.query(unprepared('select token from duly.session where "userId" = $1'), [
      body.user.id,
    ])
    assert.equal(sessions.length, 1)
    assert.notDeepEqual(sessions, [[body.user.id]])
  })

  it('an expired link to reset a password says so, and offers another one', async () => {
    const person = await confirmed()
    await person.auth('POST', '/request-password-reset', { email: person.email })
    const { link } = await smtp.emailTo(person.email, 2)
    const token = new URL(link).searchParams.get('token')
    await api.server.db.query(unprepared(`update duly.verification set "expiresAt" = now() - interval '1 s'`))
    const page = await api.call('GET', `/reset-password?token=${token}`)
    assert.equal(page.status, 400)
    assert.match(page.text, /This link no longer works.*It has expired.*Send the link/s)
    const { status, body } = await person.auth('POST', '/reset-password', { newPassword: 'a new one', token })
    assert.equal(status, 400)
    assert.match(body.message, /expired|used/)
  })

  it('a confirmed address changes after the links in the emails to both addresses are opened', async () => {
    const person = await confirmed()
    const newEmail = `new-${person.email}`
    await person.auth('POST', '/change-email', { newEmail, callbackURL: '/docs' })
    const toOld = await smtp.emailTo(person.email, 2)
    assert.ok(toOld.text.includes(newEmail))
    await follow(person, toOld.link)
    assert.equal(await emailOf(person), person.email)
    await follow(person, (await smtp.emailTo(newEmail)).link)
    assert.equal(await emailOf(person), newEmail)
  })

  it('sign-up emails to one address are limited, and do not use up the emails of its owner', async () => {
    const owner = newPerson(api)
    const { email } = owner
    const ways = ['/api/auth/sign-up/email', ...signUpPaths]
    const ask = async (address: string) => {
      const headers = { 'x-forwarded-for': address }
      const sent = { name: 'x', email, password: 'correct horse' }
      return (await post(api, nextOf(ways), sent, { headers })).status
    }
    const one = newAddress()
    const fromOne: number[] = []
    for (let n = 0; n < 5; n += 1) fromOne.push(await ask(one))
    assert.deepEqual(
      fromOne.map(status => status === 429),
      [false, false, false, true, true],
    )
    for (let n = 0; n < 22; n += 1) assert.ok([200, 202].includes(await ask(newAddress())))
    assert.equal((await signUp(owner)).status, 200)
    await smtp.emailTo(email, 20)
    // Emails of other kinds let the owner prove the address; sign-ups do not count against them.
    assert.equal(
      (await owner.auth('POST', '/send-verification-email', { email, callbackURL: '/docs' })).status,
      200,
    )
    await smtp.emailTo(email, 21)
    assert.equal(
      (await owner.auth('POST', '/request-password-reset', { email, redirectTo: '/docs' })).status,
      200,
    )
    const token = new URL((await smtp.emailTo(email, 22)).link).pathname.split('/').at(-1)
    const reset = { newPassword: owner.password, token }
    assert.equal((await owner.auth('POST', '/reset-password', reset)).status, 200)
    assert.equal(smtp.emails.filter(({ to }) => to === email).length, 22)
    assert.equal((await signIn(owner)).status, 200)
  })

  it('reset emails to one address are limited, and the owner can still get one', async () => {
    const person = await confirmed()
    const { email } = person
    const ask = ({ auth }: Person) => auth('POST', '/request-password-reset', { email, redirectTo: '/docs' })
    const one = newPerson(api)
    const fromOne: number[] = []
    for (let n = 0; n < 5; n += 1) fromOne.push((await ask(one)).status)
    assert.deepEqual(fromOne, [200, 200, 200, 429, 429])
    for (let n = 0; n < 30; n += 1) assert.equal((await ask(newPerson(api))).status, 200)
    // A browser that has signed in before gets an email for every request.
    assert.equal((await ask(person)).status, 200)
    const last = await smtp.emailTo(email, 1 + 20 + 1)
    assert.equal(smtp.emails.filter(({ to }) => to === email).length, 22)
    const token = new URL(last.link).pathname.split('/').at(-1)
    const chosen = await newPerson(api).auth('POST', '/reset-password', { newPassword: 'a new horse', token })
    assert.equal(chosen.status, 200)
  })

  it('emails contain links to this server and no text of a user', async () => {
    for (const { text, link } of smtp.emails) {
      assert.match(link, /^http:\/\/localhost:\d+/)
      assert.match(text, /^Subject: [A-Za-z -]+\r?$/m)
    }
  })

  it('no link and no address is logged', async () => {
    const log = JSON.stringify(api.lines)
    for (const { to, link } of smtp.emails) assert.ok(!log.includes(to) && !log.includes(link))
  })

  it('responses do not wait for the mail server', async () => {
    const away = await served({ ...behindProxy, SMTP_URL: 'smtp://127.0.0.1:9' })
    try {
      const person = newPerson(away)
      assert.equal((await signUp(person)).status, 200)
      while (!away.lines.some(({ msg }) => /^cannot send an email/.test(String(msg)))) await pause(20)
      assert.equal(JSON.stringify(away.lines).includes(person.email), false)
    } finally {
      await away.close()
    }
  })
})
