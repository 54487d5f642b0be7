import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import nodemailer from 'nodemailer'
import { turnKeysOf } from '../limits/network.ts'
import type { Log } from '../log.ts'
import { FairTurns } from './fair-turns.ts'

export type Email = 'verify-email' | 'reset-password' | 'change-email' | 'already-registered'

export interface Mail {
  /** Whether emails are sent. Otherwise their links are written to the log. */
  readonly isDelivered: boolean
  /** Sends an email without waiting: the time it takes would reveal whether an account exists. */
  send(email: Email, to: string, link: string, options?: SendOptions): void
  /** Resolves when all emails are sent or have failed, or after a while without those. */
  close(): Promise<void>
}

interface SendOptions {
  readonly newEmail?: string
  /** The address of the client that causes it. */
  readonly address?: string | undefined
}

interface MailOptions {
  /** `smtp://user:password@host:port` or `smtps://…`. If undefined, links go to the log. */
  readonly smtp: string | undefined
  readonly from: string
  readonly log: Log
  /** How long `close` waits, in milliseconds. */
  readonly patience?: number
  /** Milliseconds for one attempt. */
  readonly attemptMs?: number
  /** Milliseconds before each retry after a temporary failure. */
  readonly pauses?: readonly number[]
}

/** Emails that are sent at the same time, each on a connection of its own. */
const atOnce = 2
/** Emails that wait for a slow server, and again those that wait for a retry. */
const most = 1000
/** The whole program stops within 7 s, of which requests may take 5. */
const patienceMs = 1500
/** Connections time out only while the server is silent, not if its reply never ends. */
const attemptMs = 60_000
/** A mail server restarts within seconds; one that defers unknown senders accepts after minutes. */
const pausesMs = [5000, 30_000, 120_000, 600_000]
/** Those to one recipient. No more are sent before the first link expires: see attempts.ts. */
const perRecipient = 20

type Text = (link: string, newEmail: string) => { subject: string; text: string }

const emails: Readonly<Record<Email, Text>> = {
  'verify-email': link => ({
    subject: 'Confirm your email address',
    text: `Open this link to confirm your email address. It expires after one hour.\n\n${link}\n\nIf you did not sign up, do not open the link: somebody else chose the password. To take the account over, reset the password.\n`,
  }),
  'reset-password': link => ({
    subject: 'Reset your password',
    text: `Open this link to choose a new password. It works once and expires after one hour.\n\n${link}\n\nIf you did not ask for this, ignore this email. Your password stays the same.\n`,
  }),
  'change-email': (link, newEmail) => ({
    subject: 'Confirm your new email address',
    text: `Somebody asked to change the email address of your account to ${newEmail}. Open this link to confirm the change.\n\n${link}\n\nIf you did not ask for this, do not open the link, and change your password.\n`,
  }),
  'already-registered': link => ({
    subject: 'You already have an account',
    text: `Somebody, probably you, tried to sign up with this email address. It already has an account. Sign in, or reset your password.\n\n${link}\n`,
  }),
}

/**
 * Sends emails in turns that are fair to the networks that cause them, so that those of one network
 * wait behind each other while the server is slow. After a temporary failure an email is sent again
 * later; meanwhile it takes no turn.
 */
export function createMail({ smtp, from, log, ...limits }: MailOptions): Mail {
  if (smtp === undefined) return logLinks(log)
  const { patience, attemptMs: limit, pauses } = { ...defaults, ...limits }
  const transport = nodemailer.createTransport(
    {
      url: smtp,
      pool: true,
      maxConnections: atOnce,
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 20_000,
    } as never,
    { from },
  )
  const inProgress = new Set<Promise<unknown>>()
  const closed = new AbortController()
  const { signal } = closed
  // Each email that waits to be sent again listens. Node warns of more than ten.
  setMaxListeners(most, signal)
  const turns = new FairTurns({ atOnce, waiting: most })
  let retrying = 0
  const waitToRetry = async (ms: number) => {
    retrying += 1
    await pause(ms, undefined, { signal }).finally(() => {
      retrying -= 1
    })
  }
  return {
    isDelivered: true,
    send(email, to, link, { newEmail = '', address } = {}) {
      const keys = [...(address === undefined ? [] : turnKeysOf(address)), `to ${to}`]
      // As an object, the address is not parsed as a list of addresses.
      const message = { to: { name: '', address: to }, ...emails[email](link, newEmail) }
      const deliver = async () => {
        for (let failures = 0; ; failures += 1) {
          try {
            return await turns.run(keys, perRecipient, async () => {
              signal.throwIfAborted()
              await transport.sendMail({ ...message, signal: AbortSignal.timeout(limit) })
            })
          } catch (error) {
            const ms = pauses[failures]
            if (ms === undefined || retrying >= most || signal.aborted || !isTemporary(error)) throw error
            log.warn(
              { email, ...factsOf(error as Failure) },
              'cannot send an email yet; it is sent again later',
            )
            await waitToRetry(ms)
          }
        }
      }
      const sent = deliver()
        // Neither the address nor the link is logged. The user can ask for another email.
        .catch(error => {
          if (!signal.aborted) log.error({ email, ...factsOf(error) }, 'cannot send an email')
        })
        .finally(() => inProgress.delete(sent))
      inProgress.add(sent)
    },
    async close() {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, patience)
      })
      if (retrying < inProgress.size) await Promise.race([Promise.all(inProgress), late])
      clearTimeout(timer)
      const unsent = inProgress.size
      closed.abort()
      if (unsent > 0)
        log.error({ unsent }, 'stopping before all emails are sent: the mail server is slow or unavailable')
      transport.close()
    },
  }
}

const defaults = { patience: patienceMs, attemptMs, pauses: pausesMs }

interface Failure {
  readonly code?: string
  readonly responseCode?: number
}

const factsOf = ({ code, responseCode: answer }: Failure) => ({ code, answer })

/** Whether the same email may succeed later (RFC 5321, 4.2.1), or there was no connection. */
function isTemporary(error: unknown): boolean {
  const { code, responseCode: status } = error as Failure
  if (status !== undefined) return status >= 400 && status < 500
  return ['ECONNECTION', 'ESOCKET', 'ETIMEDOUT', 'EDNS'].includes(code ?? '')
}

function logLinks(log: Log): Mail {
  return {
    isDelivered: false,
    send(email, to, link) {
      log.warn({ email, to, link }, 'SMTP_URL is not set: this link was not emailed')
    },
    async close() {},
  }
}
