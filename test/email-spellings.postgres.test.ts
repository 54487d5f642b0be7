import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { behindProxy, newPerson } from './person.ts'
import { type Served, served } from './served.ts'
import { startSmtpServer } from './smtp-server.ts'

let smtp: Awaited<ReturnType<typeof startSmtpServer>>
let api: Served
let sending: Served
before(async () => {
  smtp = await startSmtpServer()
  api = await served(behindProxy)
  sending = await served({ ...behindProxy, SMTP_URL: smtp.url })
})
after(async () => {
  await api.close()
  await sending.close()
  await smtp.close()
})

const password = 'correct horse battery'
const spellings = [
  [
    'anna@xn--bcher-kva.example',
    ' Anna@bücher.example ',
    'anna@BÜCHER.example',
    'ANNA@xn--bcher-kva.example',
  ],
  ['用户@xn--r8jz45g.jp', '用户@例え.jp', '\t用户@例え.JP'],
  ['иван@xn--e1afmkfd.xn--p1ai', 'Иван@пример.рф', 'иван@xn--e1afmkfd.xn--p1ai '],
  ['a&b@example.com', 'A&B@Example.com\n'],
] as const

it('all spellings of an email address belong to one account', async () => {
  for (const [canonical, first, ...others] of spellings) {
    const person = newPerson(api)
    const signedUp = await person.auth('POST', '/sign-up/email', { name: 'Anna', email: first, password })
    assert.deepEqual([signedUp.status, signedUp.body.user?.email], [200, canonical], signedUp.text)
    for (const email of [canonical, ...others]) {
      const again = await newPerson(api).auth('POST', '/sign-up/email', { name: 'x', email, password })
      assert.equal(again.status, 422, email)
      const signedIn = await newPerson(api).auth('POST', '/sign-in/email', { email, password })
      assert.deepEqual([signedIn.status, signedIn.body.user.id], [200, signedUp.body.user.id], email)
      const asked = await newPerson(api).auth('POST', '/request-password-reset', { email })
      assert.equal(asked.status, 200, email)
    }
  }
})

it('an email address is changed to its canonical form', async () => {
  const person = newPerson(api)
  await person.auth('POST', '/sign-up/email', { name: 'x', email: person.email, password })
  const changed = await person.auth('POST', '/change-email', { newEmail: ' Bea@BÜRO.example' })
  assert.equal(changed.status, 200, changed.text)
  assert.equal((await person.auth('GET', '/get-session')).body.user.email, 'bea@xn--bro-hoa.example')
})

it('an internationalized email address receives email, and its links work', async () => {
  for (const [canonical, first, other] of spellings) {
    const person = newPerson(sending)
    const signedUp = await person.auth('POST', '/sign-up/email', {
      name: 'x',
      email: first,
      password,
      callbackURL: '/docs',
    })
    assert.equal(signedUp.status, 200, signedUp.text)
    const { link } = await smtp.emailTo(canonical)
    const { pathname, search } = new URL(link)
    assert.equal((await person.auth('GET', (pathname + search).replace('/api/auth', ''))).status, 302)
    const email = other ?? first
    const asked = await person.auth('POST', '/request-password-reset', { email, redirectTo: '/docs' })
    assert.equal(asked.status, 200, asked.text)
    const reset = await smtp.emailTo(canonical, 2)
    const token = new URL(reset.link).pathname.split('/').at(-1)
    const newPassword = 'a new horse battery'
    assert.equal((await person.auth('POST', '/reset-password', { newPassword, token })).status, 200)
    const signedIn = await newPerson(sending).auth('POST', '/sign-in/email', { email, password: newPassword })
    assert.equal(signedIn.status, 200)
  }
})

it('text that is not an email address is rejected by every route that accepts one', async () => {
  for (const email of [
    'anna',
    'anna@',
    'a b@example.com',
    'a@example.com/x',
    'a\u200bb@example.com',
    'Anna <a@example.com>',
  ]) {
    for (const path of [
      '/sign-up/email',
      '/sign-in/email',
      '/request-password-reset',
      '/send-verification-email',
    ]) {
      const { status, body } = await newPerson(api).auth('POST', path, { name: 'x', email, password })
      assert.deepEqual([status, body.code], [400, 'BROKEN_RULE'], `${path} ${email}`)
    }
  }
})
