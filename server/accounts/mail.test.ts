import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { startSmtpServer } from '../../test/smtp-server.ts'
import { createMail } from './mail.ts'

const from = 'duly@example.com'
const link = 'https://duly.example.com/reset-password?token=x'

function logged() {
  const lines: Record<string, unknown>[] = []
  return { lines, log: pino({ base: null }, { write: line => lines.push(JSON.parse(line)) }) }
}

describe('emails', () => {
  it('do not wait behind the many of another network', async () => {
    const smtp = await startSmtpServer()
    const mail = createMail({ smtp: smtp.url, from, log: logged().log })
    for (let n = 0; n < 30; n += 1)
      mail.send('verify-email', `${n}@example.com`, link, { address: `2001:db8:1:${n}::1` })
    mail.send('reset-password', 'bea@example.com', link, { address: '192.0.2.1' })
    await mail.close()
    await smtp.close()
    assert.equal(smtp.emails.length, 31)
    // Two are on their way before, and two begin with it.
    assert.ok(smtp.emails.findIndex(({ to }) => to === 'bea@example.com') < 4)
  })

  it('that wait for a server without an answer are bounded, and do not keep Duly from stopping', async () => {
    const sockets: Socket[] = []
    const server = createServer(socket => sockets.push(socket))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { lines, log } = logged()
    const smtp = `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`
    const mail = createMail({ smtp, from, log, patience: 1 })
    for (let n = 0; n < 1100; n += 1)
      mail.send('verify-email', `${n}@example.com`, link, { address: '192.0.2.1' })
    mail.send('reset-password', 'bea@example.com', link, { address: '192.0.2.2' })
    await mail.close()
    const refused = lines.filter(({ code }) => code === 'busy')
    // The last one is let in: its network has no other.
    assert.equal(refused.length, 1101 - 1002)
    assert.ok(refused.every(({ email }) => email === 'verify-email'))
    assert.deepEqual(lines.at(-1)?.unsent, 1002)
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
})
