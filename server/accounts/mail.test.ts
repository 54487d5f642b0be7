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

  it('are sent again after a temporary failure, and not after another one', async () => {
    const asked: string[] = []
    const refusals: Readonly<Record<string, readonly number[]>> = {
      'ann@example.com': [450, 451],
      'bob@example.com': [550],
      'cid@example.com': [450, 450, 450],
    }
    const smtp = await startSmtpServer(to => {
      const before = asked.filter(other => other === to).length
      asked.push(to)
      return refusals[to]?.[before]
    })
    const { lines, log } = logged()
    const mail = createMail({ smtp: smtp.url, from, log, pauses: [1, 1] })
    for (const to of [...Object.keys(refusals), 'dan@example.com'])
      mail.send('reset-password', to, link, { address: '192.0.2.1' })
    await Promise.all([smtp.emailTo('ann@example.com'), smtp.emailTo('dan@example.com')])
    const failed = () => lines.filter(({ level }) => level === 50).map(({ answer }) => answer)
    while (failed().length < 2) await new Promise(setImmediate)
    await mail.close()
    await smtp.close()
    assert.deepEqual(failed().toSorted(), [450, 550])
    assert.deepEqual(smtp.emails.map(({ to }) => to).toSorted(), ['ann@example.com', 'dan@example.com'])
    assert.equal(asked.length, 3 + 1 + 3 + 1)
  })

  it('that wait to be sent again do not keep Duly from stopping', async () => {
    const smtp = await startSmtpServer(() => 450)
    const { lines, log } = logged()
    const mail = createMail({ smtp: smtp.url, from, log })
    mail.send('reset-password', 'bea@example.com', link, { address: '192.0.2.1' })
    while (lines.length === 0) await new Promise(setImmediate)
    await mail.close()
    await smtp.close()
    assert.deepEqual(
      lines.map(({ level, answer, unsent }) => [level, answer ?? unsent]),
      [
        [40, 450],
        [50, 1],
      ],
    )
  })

  it('that wait to be sent again cause no warning of Node, however many', async t => {
    const warnings: string[] = []
    const note = ({ message }: Error) => void warnings.push(message)
    process.on('warning', note)
    t.after(() => process.off('warning', note))
    const smtp = await startSmtpServer(() => 450)
    const { lines, log } = logged()
    const mail = createMail({ smtp: smtp.url, from, log })
    for (let n = 0; n < 12; n += 1) mail.send('reset-password', `${n}@example.com`, link)
    while (lines.length < 12) await new Promise(setImmediate)
    await mail.close()
    await smtp.close()
    assert.deepEqual(warnings, [])
  })

  it('do not wait for ever for a server that never ends its reply', async () => {
    const sockets: Socket[] = []
    const server = createServer(socket => {
      sockets.push(socket)
      socket.on('error', () => {})
      const more = setInterval(() => socket.write('220-x\r\n'), 1)
      socket.on('close', () => clearInterval(more))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const smtp = `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { lines, log } = logged()
    const mail = createMail({ smtp, from, log, attemptMs: 20, patience: 60_000 })
    for (let n = 0; n < 3; n += 1)
      mail.send('reset-password', `${n}@example.com`, link, { address: '192.0.2.1' })
    await mail.close()
    assert.deepEqual(
      lines.map(({ code }) => code),
      ['EABORT', 'EABORT', 'EABORT'],
    )
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
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
