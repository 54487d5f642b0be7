import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { createAuthClient } from 'better-auth/client'
import { jwtClient, twoFactorClient } from 'better-auth/client/plugins'
import { newAddress } from './person.ts'
import { type Served, served } from './served.ts'

let api: Served
before(async () => {
  api = await served({ TRUST_PROXY: 'loopback' })
})
after(() => api.close())

it('Better Auth’s own client works unmodified in a page of a front end', async () => {
  const cookies = new Map<string, string>()
  const address = newAddress()
  // What a browser does.
  const browser: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers)
    headers.set('origin', 'http://localhost:3000')
    headers.set('x-forwarded-for', address)
    headers.set('cookie', [...cookies].map(pair => pair.join('=')).join('; '))
    const answer = await fetch(input, { ...init, headers })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/Max-Age=0/.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return answer
  }
  const auth = createAuthClient({
    baseURL: api.server.url,
    plugins: [jwtClient(), twoFactorClient()],
    fetchOptions: { customFetchImpl: browser },
  })
  const person = { email: 'ann@example.com', password: 'correct horse battery' }

  const signedUp = await auth.signUp.email({ name: 'Ann', ...person })
  assert.equal(signedUp.error, null)
  const { data } = await auth.token()
  const { status } = await api.call('GET', '/api/v1/tasks', { token: data?.token ?? '' })
  assert.equal(status, 200)
  assert.equal((await auth.getSession()).data?.user.email, person.email)
  assert.equal((await auth.listSessions()).data?.length, 1)
  assert.equal((await auth.updateUser({ name: 'Bea' })).error, null)
  assert.equal((await auth.twoFactor.enable({ password: person.password })).error, null)
  assert.equal((await auth.signOut()).error, null)
  assert.equal((await auth.getSession()).data, null)
  const wrong = await auth.signIn.email({ ...person, password: 'wrong horse battery' })
  assert.deepEqual([wrong.error?.status, wrong.error?.code], [401, 'INVALID_EMAIL_OR_PASSWORD'])
  assert.equal((await auth.signIn.email(person)).error, null)
  assert.equal((await auth.getSession()).data?.user.name, 'Bea')
  assert.equal((await auth.deleteUser({ password: person.password })).error, null)
  assert.equal((await auth.getSession()).data, null)
})
