import { listProblem } from '../accounts/breached-passwords.ts'
import { hasSecret } from './secrets.ts'
import { setting } from './setting.ts'
import { parseUrl, type SettingsReader } from './settings-reader.ts'

export const accountSettings = [
  setting('ACCOUNTS', 'on', '`off`: disable accounts, and accept only tokens of other issuers.'),
  setting('SIGN_UP', 'open', '`closed`: only `duly user add` can create accounts.'),
  setting(
    'SMTP_URL',
    'none',
    'SMTP server, as `smtp://user:password@host:port`. If unset, links are written to the log instead of emailed.',
  ),
  setting('MAIL_FROM', '`Duly <no-reply@…>`, with the host of PUBLIC_URL', 'Sender of emails.'),
  setting('GITHUB_CLIENT_ID', 'none', 'Enables sign-in with GitHub, together with GITHUB_CLIENT_SECRET.'),
  setting('GITHUB_CLIENT_SECRET', 'none', 'See GITHUB_CLIENT_ID.'),
  setting('GOOGLE_CLIENT_ID', 'none', 'Enables sign-in with Google, together with GOOGLE_CLIENT_SECRET.'),
  setting('GOOGLE_CLIENT_SECRET', 'none', 'See GOOGLE_CLIENT_ID.'),
  setting(
    'BREACHED_PASSWORDS',
    'none',
    'File with SHA-1 hashes of forbidden passwords: hexadecimal, sorted, one per line.',
  ),
]

export interface AccountConfig {
  readonly accounts: boolean
  readonly signUp: 'open' | 'closed'
  readonly smtp: string | undefined
  readonly mailFrom: string | undefined
  readonly github: ProviderClient | undefined
  readonly google: ProviderClient | undefined
  readonly breachedPasswords: string | undefined
}

/** The credentials under which GitHub or Google knows this server. */
export interface ProviderClient {
  readonly clientId: string
  readonly clientSecret: string
}

export function readAccounts(reader: SettingsReader): AccountConfig {
  const areOn = reader.oneOf('ACCOUNTS', ['on', 'off'], 'on') === 'on'
  if (areOn && !hasSecret(reader)) reader.note('Accounts are off, because BETTER_AUTH_SECRET is not set.')
  return {
    accounts: areOn && hasSecret(reader),
    signUp: reader.oneOf('SIGN_UP', ['open', 'closed'], 'open'),
    smtp: readSmtp(reader),
    mailFrom: reader.read('MAIL_FROM'),
    github: readProvider('GITHUB', reader),
    google: readProvider('GOOGLE', reader),
    breachedPasswords: readBreached(reader),
  }
}

function readSmtp(reader: SettingsReader): string | undefined {
  const value = reader.read('SMTP_URL')
  if (value === undefined) return undefined
  const url = parseUrl(value)
  const isSmtp = url !== undefined && ['smtp:', 'smtps:'].includes(url.protocol) && url.hostname !== ''
  return isSmtp
    ? value
    : reader.problem('SMTP_URL', 'must be a URL such as smtp://user:password@mail.example.com:587.')
}

function readBreached(reader: SettingsReader): string | undefined {
  const path = reader.read('BREACHED_PASSWORDS')
  const problem = path === undefined ? undefined : listProblem(path)
  return problem === undefined
    ? path
    : reader.problem(
        'BREACHED_PASSWORDS',
        `cannot be used: ${problem}. Set it to a readable file of SHA-1 hashes, sorted, one per line.`,
      )
}

function readProvider(name: 'GITHUB' | 'GOOGLE', reader: SettingsReader): ProviderClient | undefined {
  const clientId = reader.read(`${name}_CLIENT_ID`)
  const clientSecret = reader.read(`${name}_CLIENT_SECRET`)
  if (clientId !== undefined && clientSecret !== undefined) return { clientId, clientSecret }
  if (clientId !== undefined) {
    reader.problem(`${name}_CLIENT_SECRET`, `is required with ${name}_CLIENT_ID. Set both or neither.`)
  }
  if (clientSecret !== undefined) {
    reader.problem(`${name}_CLIENT_ID`, `is required with ${name}_CLIENT_SECRET. Set both or neither.`)
  }
  return undefined
}
