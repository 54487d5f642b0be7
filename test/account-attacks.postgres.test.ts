import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { hashingAtOnce, hashingWaiting } from '../server/accounts/accounts.ts'
import { unprepared } from '../server/db/database.ts'
import { nextOf, post, signInPaths } from './front-end.ts'
import { behindProxy, newAddress, newPerson, type Person } from './person.ts'
import { whileHashingTakes } from './quick-passwords.ts'
import { type Answer, callAt, type Served, twoReplicas, unlimited } from './served.ts'
import { startSmtpServer } from './smtp-server.ts'
import { totpCode } from './totp.ts'

// Attackers with many addresses and parallel requests lock nobody out, and no guess beyond the
// limits is evaluated.

let smtp: Awaited<ReturnType<typeof startSmtpServer>>
let api: Served
let other: Served
let close: () => Promise<void>
before(async () => {
  smtp = await startSmtpServer()
  const settings = { ...behindProxy, ...unlimited, SMTP_URL: smtp.url, METRICS_TOKEN: metricsToken }
  ;({ api, other, close } = await twoReplicas(settings))
  await signUp()
})
after(async () => {
  await close()
  await smtp.close()
})

const password = 'correct horse battery'
const metricsToken = 'a-token-for-metrics-of-this-test'
const signIn = ({ auth, email, password }: Person) => auth('POST', '/sign-in/email', { email, password })
const signedIn = async (known: Person): Promise<Person> => {
  const person = newPerson(api, known)
  assert.equal((await signIn(person)).status, 200)
  return person
}
const count = (answers: readonly Answer[], ...statuses: number[]) =>
  answers.filter(({ status }) => statuses.includes(status)).length

/** The account whose password hash the other accounts share. */
let hash: string | undefined
async function signUp(): Promise<void> {
  const person = newPerson(api)
  await person.auth('POST', '/sign-up/email', { name: 'x', email: person.email, password })
  const rows = await api.server.db.query(unprepared('select password from duly.account'))
  hash = String(rows[0]?.[0])
}

const insertUser = unprepared(
  `insert into duly."user" (id, name, email, "emailVerified") values ($1, 'x', $2, true)`,
)
const insertPassword = unprepared(
  `insert into duly.account (id, "accountId", "providerId", "userId", password, "updatedAt") values ($1, $1, 'credential', $1, $2, now())`,
)
/** A user with a confirmed account, not signed in. */
async function user(): Promise<Person & { id: string }> {
  const id = randomUUID()
  const person = newPerson(api)
  await api.server.db.query(insertUser, [id, person.email])
  await api.server.db.query(insertPassword, [id, String(hash)])
  return { ...person, id }
}

/** A guess through each of the sign-in routes in turn, which share their counts. */
const ways = ['/api/auth/sign-in/email', ...signInPaths]
const guess = (at: Served, email: string, address: string) =>
  post(at, nextOf(ways), { email, password: 'wrong horse' }, { headers: { 'x-forwarded-for': address } })
const requestReset = (at: Served, email: string, address: string) =>
  at.call('POST', '/api/auth/request-password-reset', {
    json: { email, redirectTo: '/docs' },
    headers: { 'x-forwarded-for': address },
  })

/**
 * Guesses from 15 addresses until this browser is rejected too. Each half minute allows one more
 * guess; on a busy machine 60 guesses take longer than that.
 */
async function lockOut(email: string, browser: Person): Promise<void> {
  for (let n = 0; n < 12; n += 1) await requestReset(n % 2 === 0 ? api : other, email, newAddress())
  for (let round = 0; round < 5; round += 1) {
    const addresses = Array.from({ length: 15 }, newAddress)
    for (let n = 0; n < 60; n += 1) {
      await guess(n % 2 === 0 ? api : other, email, addresses[n % addresses.length] as string)
    }
    if ((await signIn(browser)).status === 429) return
  }
  assert.fail(`${email} is not locked out`)
}

async function reset(link: string, newPassword: string): Promise<Person> {
  const token = new URL(link).pathname.split('/').at(-1)
  const person = newPerson(other)
  assert.equal((await person.auth('POST', '/reset-password', { newPassword, token })).status, 200)
  return person
}

/** Sign-ins to more accounts than may wait for a password hash. Some end while others arrive. */
const moreThanMayHash = (from: (n: number) => string) =>
  Array.from({ length: Math.ceil(1.5 * (hashingAtOnce + hashingWaiting)) }, (_, n) =>
    api.call('POST', '/api/auth/sign-in/email', {
      json: { email: `${randomUUID()}@example.com`, password },
      headers: { 'x-forwarded-for': from(n) },
    }),
  )

describe('sign-ins from many networks', () => {
  it('that wait for a password hash take no slots of other requests', async () => {
    await whileHashingTakes(30, async () => {
      const flood = moreThanMayHash(newAddress)
      // The queue is full.
      const { text } = await Promise.any(
        flood.map(async answer => ((await answer).status === 503 ? answer : Promise.reject())),
      )
      assert.match(text, /Too many sign-ins at once/)
      const metrics = await callAt(api.server.url, 'GET', '/metrics', { token: metricsToken })
      const [, running] = /^http_server_active_requests (\d+)$/m.exec(metrics.text) ?? []
      assert.ok(Number(running) <= 1, metrics.text)
      await Promise.all(flood)
    })
  })
})

describe('one address', () => {
  it('that signs in to one account continuously does not block the sign-in of others', async () => {
    const attacker = await user()
    const others = await Promise.all(Array.from({ length: 40 }, () => user()))
    await whileHashingTakes(30, async () => {
      const flood = Promise.all(Array.from({ length: 80 }, () => signIn({ ...attacker })))
      const answers = await Promise.all(others.map(signIn))
      assert.equal(count(answers, 200), 40)
      assert.ok(count(await flood, 503, 429) >= 40)
    })
  })

  it('with many accounts does not block others, nor do many addresses of one IPv6 network', async () => {
    const others = await Promise.all(Array.from({ length: 10 }, () => user()))
    const from = (address: string) =>
      api.call('POST', '/api/auth/sign-in/email', {
        json: { email: `${randomUUID()}@example.com`, password },
        headers: { 'x-forwarded-for': address },
      })
    await whileHashingTakes(30, async () => {
      const flood = Promise.allSettled(
        Array.from({ length: 100 }, (_, n) =>
          from(n % 2 === 0 ? '192.0.2.1' : `2001:db8::${n.toString(16)}`),
        ),
      )
      assert.equal(count(await Promise.all(others.map(signIn)), 200), 10)
      await flood
    })
  })

  it('does not block others with all the networks of an IPv6 customer', async () => {
    const others = await Promise.all(Array.from({ length: 10 }, () => user()))
    await whileHashingTakes(30, async () => {
      const flood = moreThanMayHash(n => `2001:db8:1:${n.toString(16)}::1`)
      assert.equal(count(await Promise.all(others.map(signIn)), 200), 10)
      await Promise.all(flood)
    })
  })

  it('gets a response to each of many concurrent forms', async () => {
    const address = newAddress()
    const forms = Array.from({ length: 60 }, () =>
      api.call('POST', '/reset-password', {
        body: `email=${randomUUID()}%40example.com`,
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': address },
      }),
    )
    const answers = await Promise.all(forms)
    assert.equal(count(answers, 200, 429), 60)
  })

  it('is rejected after some sign-ins, even with the right password', async () => {
    const person = await user()
    const statuses: number[] = []
    while (statuses.at(-1) !== 429 && statuses.length < 100) {
      person.cookies.clear()
      statuses.push((await signIn(person)).status)
    }
    assert.equal(statuses.at(-1), 429)
    assert.ok(statuses.length > 30)
  })
})

describe('a user whose password and mailbox are attacked from 15 addresses', () => {
  it('signs in from a browser that has signed in before', async () => {
    const person = await signedIn(await user())
    await person.auth('POST', '/sign-out')
    await lockOut(person.email, newPerson(api, person))
    assert.equal((await signIn(person)).status, 200)
  })

  it('signs in from a new browser with an email', async () => {
    const person = await user()
    await lockOut(person.email, newPerson(api, person))
    const before = smtp.emails.filter(({ to }) => to === person.email).length
    assert.equal((await requestReset(api, person.email, newAddress())).status, 200)
    const { link } = await smtp.emailTo(person.email, before + 1)
    const phone = await reset(link, 'a new horse battery')
    const entered = await phone.auth('POST', '/sign-in/email', {
      email: person.email,
      password: 'a new horse battery',
    })
    assert.equal(entered.status, 200)
  })

  it('signs in with the last email if there were more requests than emails', async () => {
    const person = await user()
    for (let n = 0; n < 30; n += 1) await requestReset(api, person.email, newAddress())
    assert.equal((await requestReset(api, person.email, newAddress())).status, 200)
    const { link } = await smtp.emailTo(person.email, 20)
    assert.equal(smtp.emails.filter(({ to }) => to === person.email).length, 20)
    await reset(link, 'a new horse battery')
  })
})

describe('a known browser', () => {
  it('loses that status for passwords and codes after a password reset', async () => {
    const person = await signedIn(await user())
    const stolen = new Map(person.cookies)
    await requestReset(api, person.email, newAddress())
    await reset((await smtp.emailTo(person.email)).link, 'a new horse battery')
    const thief = newPerson(api, person)
    for (const [name, value] of stolen) thief.cookies.set(name, value)
    await lockOut(person.email, thief)
  })
})

describe('60 guesses in parallel on two replicas', () => {
  const at = (n: number) => (n % 2 === 0 ? api : other)
  const spelt = (value: string, n: number) => {
    const text = decodeURIComponent(value)
    const index = n % 20
    const code = text.charCodeAt(index).toString(16).padStart(2, '0')
    return encodeURIComponent(text).includes('%00') || n === 0
      ? value
      : `${encodeURIComponent(text.slice(0, index))}%${n % 2 === 0 ? code : code.toUpperCase()}${encodeURIComponent(text.slice(index + 1))}`
  }
  const cookiesOf = (person: Person, n: number) =>
    [...person.cookies].map(([name, value]) => `${name}=${spelt(value, n)}`).join('; ')

  it('of a password are evaluated five times', async () => {
    const { email } = await user()
    const address = newAddress()
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        guess(at(n), n % 3 === 0 ? ` ${email.toUpperCase()}` : email, address),
      ),
    )
    assert.ok(count(answers, 401) <= 5, String(count(answers, 401)))
    assert.equal(count(answers, 401, 429, 503), 60)
  })

  it('of the password of a signed-in user are evaluated ten times, with any spelling of the cookie', async () => {
    const person = await signedIn(await user())
    const answers: Answer[] = []
    for (let round = 0; round < 6; round += 1) {
      answers.push(
        ...(await Promise.all(
          Array.from({ length: 10 }, (_, n) =>
            at(n).call('POST', '/api/auth/change-password', {
              json: { currentPassword: 'wrong horse', newPassword: 'a new horse battery' },
              headers: {
                cookie: cookiesOf(person, round * 10 + n),
                origin: 'http://localhost:3000',
                'x-forwarded-for': newAddress(),
              },
            }),
          ),
        )),
      )
    }
    assert.ok(count(answers, 400) <= 10, String(count(answers, 400)))
    assert.ok(count(answers, 400) > 0)
    assert.equal(count(answers, 200, 401), 0)
  })

  it('of two-factor codes are evaluated ten times, all kinds together', async () => {
    const person = await signedIn(await user())
    const enabled = await person.auth('POST', '/two-factor/enable', { password })
    const { totpURI, backupCodes } = enabled.body
    const verified = await person.auth('POST', '/two-factor/verify-totp', { code: await totpCode(totpURI) })
    assert.equal(verified.status, 200, verified.text)
    const challenged: Person[] = []
    for (let n = 0; n < 15; n += 1) {
      const browser = newPerson(at(n), person)
      assert.equal((await signIn(browser)).body.twoFactorRedirect, true)
      challenged.push(browser)
    }
    const guessCode = (n: number, kind: string, code: string, from = newAddress()) =>
      at(n).call('POST', `/api/auth/two-factor/${kind}`, {
        json: { code },
        headers: {
          cookie: cookiesOf(challenged[n % challenged.length] as Person, n),
          origin: 'http://localhost:3000',
          'x-forwarded-for': from,
        },
      })
    const guesses = [
      (n: number) => guessCode(n, 'verify-backup-code', 'aaaaa-bbbbb'),
      (n: number) => guessCode(n, 'verify-totp', String(100_000 + n)),
      (n: number) => guessCode(n, 'verify-totp', String(100_000 + n)),
      // With the password again, as front ends send it. Some get 503 while they wait for a hash.
      (n: number) =>
        post(at(n), nextOf(signInPaths), { email: person.email, password, code: String(200_000 + n) }),
    ]
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => (guesses[n % 4] as (typeof guesses)[0])(n)),
    )
    const evaluated = answers.filter(
      ({ body, text }) =>
        ['INVALID_CODE', 'INVALID_BACKUP_CODE'].includes(body?.code) || text.includes('code is wrong'),
    )
    assert.ok(evaluated.length <= 10, String(evaluated.length))
    assert.ok(evaluated.length > 0)
    // Of two concurrent guesses with one challenge, Better Auth rejects one without evaluating it.
    const refused = answers.filter(
      ({ status, body }) => [429, 503].includes(status) || body?.code === 'INVALID_TWO_FACTOR_COOKIE',
    )
    assert.equal(refused.length, 60 - evaluated.length)
    const late = { email: person.email, password, code: backupCodes[0] }
    assert.equal((await post(api, nextOf(signInPaths), late)).status, 429)
    // The attackers get 429 for the right code, too; a browser that signed in before does not.
    assert.equal((await guessCode(61, 'verify-backup-code', backupCodes[0])).status, 429)
    await person.auth('POST', '/sign-out')
    assert.equal((await signIn(person)).body.twoFactorRedirect, true)
    const entered = await person.auth('POST', '/two-factor/verify-backup-code', { code: backupCodes[0] })
    assert.equal(entered.status, 200, entered.text)
  })
})
