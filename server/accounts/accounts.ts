import { availableParallelism } from 'node:os'
import type { Config } from '../config/config.ts'
import type { Database } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { isPattern, matcherOf } from '../origins.ts'
import { reasonOf } from '../system-error.ts'
import { isBreached } from './breached-passwords.ts'
import { devices } from './devices.ts'
import { FairTurns } from './fair-turns.ts'
import type { Issuer } from './issuer.ts'
import { redirectTarget } from './redirects.ts'
import { issuerSecrets } from './secrets.ts'
import { removeAccount } from './users.ts'

/** Passwords hashed at once. scrypt takes a core for about 60 ms; one core is left for the rest. */
const hashers = Math.max(1, Math.min(availableParallelism() - 1, 4))
/** Requests in progress that hash. More than hashers, since they also wait for the database. */
export const hashingAtOnce = hashers + 2
/** About four seconds of waiting, at 60 ms a hash. */
export const hashingWaiting = 64 * hashers
const hashingPerAccount = 8

interface AccountsOptions {
  readonly config: Pick<
    Config,
    | 'accounts'
    | 'publicUrl'
    | 'corsOrigins'
    | 'signUp'
    | 'github'
    | 'google'
    | 'smtp'
    | 'mailFrom'
    | 'breachedPasswords'
  >
  readonly db: Database
  readonly log: Log
  /** The first one signs. */
  readonly secrets: readonly string[]
  /** The URL of this server. Called at the first request. */
  readonly publicUrl: () => URL
}

export type Accounts = NonNullable<ReturnType<typeof openAccounts>>

/** The accounts of this server. Undefined with `ACCOUNTS=off`. */
export function openAccounts({ config, db, log, secrets, publicUrl }: AccountsOptions) {
  if (!config.accounts) return undefined
  const list = config.breachedPasswords
  const frontEnds = config.corsOrigins === '*' ? [] : config.corsOrigins
  const isFrontEnd = matcherOf(frontEnds)
  // Without patterns: anyone may have a page at `*.vercel.app`, and a link in an email must not
  // lead there with its token.
  const origins = () => {
    const url = publicUrl()
    return [url.origin, ...frontEnds.filter(origin => !isPattern(origin)), ...alsoLocal(url)]
  }
  const known = devices(db, secrets, config.publicUrl)
  const turns = new FairTurns({ atOnce: hashingAtOnce, waiting: hashingWaiting })
  let loaded: Promise<{ issuer: Issuer; close(): Promise<void> }> | undefined

  const load = async () => {
    const url = publicUrl()
    const [{ createIssuer }, { createMail }] = await Promise.all([import('./issuer.ts'), import('./mail.ts')])
    const mail = createMail({
      smtp: config.smtp,
      from: config.mailFrom ?? `Duly <no-reply@${url.hostname}>`,
      log,
    })
    const issuer = createIssuer({
      db,
      log,
      publicUrl: url,
      trustedOrigins: origins(),
      secrets,
      signUp: config.signUp,
      github: config.github,
      google: config.google,
      mail,
      hashers,
      devices: known,
      removeAccount: id => removeAccount(db, id, 'user'),
    })
    return { issuer, close: () => mail.close() }
  }

  return {
    /**
     * Better Auth, loaded at the first call. That takes half a second and 60 MB, which a server
     * that only verifies tokens saves.
     */
    async issuer(): Promise<Issuer> {
      loaded ??= load().catch(error => {
        loaded = undefined
        throw error
      })
      return (await loaded).issuer
    },
    /**
     * @throws AppError `password_compromised` if the list of breached passwords contains it, `busy`
     * while the list cannot be read
     */
    async refuseBreached(password: string): Promise<void> {
      if (list === undefined) return
      const isKnown = await isBreached(list, password).catch((error: unknown) => {
        const reason = reasonOf(error) ?? (error as Error).message
        log.error(
          `cannot read ${list}: ${reason}. New passwords are rejected until BREACHED_PASSWORDS can be read`,
        )
        throw new AppError('busy', 'New passwords cannot be checked right now. Please try again later.', {
          retryAfter: 60,
          cause: error,
        })
      })
      if (!isKnown) return
      throw new AppError(
        'password_compromised',
        'This password is known from a data breach. Choose another one.',
      )
    },
    /**
     * Runs work that hashes a password, in turns that are fair to all `keys`.
     * @param keys the last one is the account
     * @throws AppError `busy`
     */
    inTurn: <T>(keys: readonly string[], work: (endTurn: () => void) => Promise<T>): Promise<T> =>
      turns.run(keys, hashingPerAccount, work),
    /** Whether pages of this origin may send cookies. */
    trusts: (origin: string): boolean => isFrontEnd(origin) || origins().includes(origin),
    /** Origins that links and redirects may lead to, and that Better Auth accepts calls from. */
    origins,
    /** The normalized redirect target. Undefined if it is not allowed. */
    redirectTarget: (text: string): string | undefined => redirectTarget(text, publicUrl(), origins()),
    publicUrl,
    devices: known,
    /** The keys with which cookies are signed, the current one first. */
    cookieKeys: issuerSecrets(secrets).map(({ value }) => value),
    async close(): Promise<void> {
      await (await loaded?.catch(() => undefined))?.close()
    },
  }
}

/** The other names of a local server. */
function alsoLocal({ protocol, hostname, port }: URL): string[] {
  if (hostname !== 'localhost') return []
  return [`${protocol}//127.0.0.1:${port}`, `${protocol}//[::1]:${port}`]
}
