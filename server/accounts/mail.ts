import nodemailer from 'nodemailer'
import type { Log } from '../log.ts'

export type Letter = 'verify-email' | 'reset-password' | 'change-email' | 'already-here'

export interface Mail {
  /** Whether letters reach people; otherwise the log has their links. */
  readonly isDelivered: boolean
  /** Sends a letter, without anyone waiting: how long that takes would tell who has an account. */
  send(letter: Letter, to: string, link: string, newEmail?: string): void
  /** Resolved when the letters under way have left, or failed. */
  close(): Promise<void>
}

export interface MailOptions {
  /** `smtp://user:password@host:port` or `smtps://…`; absent: links go to the log. */
  readonly smtp: string | undefined
  readonly from: string
  readonly log: Log
}

type Text = (link: string, newEmail: string) => { subject: string; text: string }

const letters: Readonly<Record<Letter, Text>> = {
  'verify-email': link => ({
    subject: 'Please confirm your e-mail address',
    text: `Please open this link to confirm your e-mail address. It is good for an hour.\n\n${link}\n\nIf you did not ask for this, you need not do anything.\n`,
  }),
  'reset-password': link => ({
    subject: 'A new password',
    text: `Open this link to choose a new password. It is good for an hour, and once.\n\n${link}\n\nIf you did not ask for this, your password stays as it is.\n`,
  }),
  'change-email': (link, newEmail) => ({
    subject: 'Please confirm your new e-mail address',
    text: `Your account is to get the e-mail address ${newEmail}. Open this link if that is what you want.\n\n${link}\n\nIf it is not, leave the link alone and change your password.\n`,
  }),
  'already-here': link => ({
    subject: 'You have an account already',
    text: `Somebody, probably you, wanted to sign up with this e-mail address. It has an account already: sign in, or ask for a new password.\n\n${link}\n`,
  }),
}

export function createMail({ smtp, from, log }: MailOptions): Mail {
  if (smtp === undefined) return intoTheLog(log)
  const transport = nodemailer.createTransport(
    {
      url: smtp,
      pool: true,
      maxConnections: 2,
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 20_000,
    } as never,
    { from },
  )
  const leaving = new Set<Promise<unknown>>()
  return {
    isDelivered: true,
    send(letter, to, link, newEmail = '') {
      const sent = transport
        // Not parsed as a list of addresses.
        .sendMail({ to: { name: '', address: to }, ...letters[letter](link, newEmail) })
        // Neither the address nor the link belongs into a log; the person can ask for another letter.
        .catch(error =>
          log.error({ letter, code: error.code, answer: error.responseCode }, 'a letter could not be sent'),
        )
        .finally(() => leaving.delete(sent))
      leaving.add(sent)
    },
    async close() {
      await Promise.all(leaving)
      transport.close()
    },
  }
}

function intoTheLog(log: Log): Mail {
  return {
    isDelivered: false,
    send(letter, to, link) {
      log.warn({ letter, to, link }, 'no SMTP_URL is set: this link was not sent')
    },
    async close() {},
  }
}
