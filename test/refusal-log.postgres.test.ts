import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { newUser, served } from './served.ts'

it('a flood of rate-limited requests causes few log lines, and a summary', async t => {
  const api = await served({ RATE_LIMIT: '1/1', RATE_LIMIT_ADDRESS: '1/1' })
  t.after(() => api.close())
  const user = newUser()
  const floods = [
    { name: 'user', call: () => api.call('GET', '/api/tasks', { user }) },
    { name: 'address', call: () => api.call('GET', '/api/tasks', { token: 'none' }) },
    {
      name: 'address',
      call: () =>
        api.call('POST', '/api/auth/sign-in/email', { json: { email: 'a@example.com', password: 'wrong' } }),
    },
  ]
  for (const { name, call } of floods) {
    const start = api.lines.length
    let refused = 0
    for (let round = 0; round < 4; round += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, call))
      refused += answers.filter(({ status }) => status === 429).length
    }
    assert.ok(refused > 120, `${refused}`)
    const since = () => api.lines.slice(start)
    const logged = () => since().filter(({ msg, status }) => msg === 'request' && status === 429).length
    const summed = () =>
      since().reduce((sum, { limit, unlogged }) => sum + (limit === name ? Number(unlogged) : 0), 0)
    // The summary is logged a second after the first of them.
    while (logged() + summed() < refused) await pause(50)
    assert.equal(logged() + summed(), refused)
    assert.ok(summed() > logged(), `${summed()} of ${refused} are in the summary`)
    const others = since().filter(({ msg }) => msg === 'token rejected' || msg === 'audit').length
    assert.ok(others <= logged() + 20, `${others}`)
  }
})
