import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import { canonicalEmail } from '../server/accounts/email.ts'

export interface Email {
  readonly to: string
  readonly text: string
  /** The link in the email. */
  readonly link: string
}

/**
 * A mail server that stores the emails it receives.
 * @param refuse returns the status with which an email to this address is refused, if it is
 */
export async function startSmtpServer(refuse: (to: string) => number | undefined = () => undefined) {
  const emails: Email[] = []
  const waiting = new Set<() => void>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo({ address }, _session, done) {
      const responseCode = refuse(address)
      done(responseCode === undefined ? null : Object.assign(new Error('refused'), { responseCode }))
    },
    async onData(stream, session, done) {
      const raw = await text(stream)
      const isQuoted = /^content-transfer-encoding: quoted-printable/im.test(raw)
      const body = isQuoted ? decodeQuotedPrintable(raw) : raw
      const [link = ''] = /https?:\/\/\S+/.exec(body) ?? []
      // The server shows domains in Unicode.
      const to = canonicalEmail(session.envelope.rcptTo[0]?.address ?? '') ?? ''
      emails.push({ to, text: body, link })
      for (const wake of waiting) wake()
      done()
    },
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    emails,
    /** The `n`th email to this address, waiting until it arrives. */
    async emailTo(address: string, n = 1): Promise<Email> {
      for (;;) {
        const email = emails.filter(({ to }) => to === address)[n - 1]
        if (email) return email
        await new Promise<void>(resolve => {
          waiting.add(resolve)
        })
      }
    },
    close: () => new Promise<void>(resolve => server.close(() => resolve())),
  }
}

function decodeQuotedPrintable(raw: string): string {
  return raw
    .replaceAll(/=\r?\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
