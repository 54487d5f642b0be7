import { availableParallelism } from 'node:os'
import type { Config } from '../config/config.ts'
import type { Database } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { isPattern, matcherOf } from '../origins.ts'
import { breachedPasswords } from './breached-passwords.ts'
import { devices } from './devices.ts'
import { FairTurns } from './fair-turns.ts'
import type { Issuer } from './issuer.ts'
import { redirectTarget } from './redirects.ts'
import { issuerSecrets } from './secrets.ts'
import { removeAccount } from './users.ts'

/** Passwords that are hashed at a time: scrypt takes a core for some 60 ms, and one core is for everything else. */
const hashers = Math.max(1, Math.min(availableParallelism() - 1, 4))
/** Requests under way that hash: a few more than hashers, since they also wait for the database. */
const hashingAtOnce = hashers + 2
/** About four seconds of waiting, at 60 ms a hash. */
const hashingWaiting = 64 * hashers
const hashingPerAccount = 8

export interface AccountsOptions {
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
  /** The one that signs first. */
  readonly secrets: readonly string[]
  /** Where the server is reached; asked for when the first person comes. */
  readonly publicUrl: () => URL
}

export type Accounts = NonNullable<Awaited<ReturnType<typeof openAccounts>>>

/** The people who sign up and in here; nothing where nobody does. @throws StartError where the list of breached passwords cannot be read */
export async function openAccounts({ config, db, log, secrets, publicUrl }: AccountsOptions) {
  if (!config.accounts) return undefined
  const isBreached = config.breachedPasswords && (await breachedPasswords(config.breachedPasswords))
  const frontEnds = config.corsOrigins === '*' ? [] : config.corsOrigins
  const isFrontEnd = matcherOf(frontEnds)
  // Without patterns: anybody may have a page at `*.vercel.app`, and a link in an email must not lead there with its token.
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
     * Better Auth, loaded when the first person comes: half a second and 60 MB that a server which only checks tokens
     * does not spend.
     */
    async issuer(): Promise<Issuer> {
      loaded ??= load().catch(error => {
        loaded = undefined
        throw error
      })
      return (await loaded).issuer
    },
    /** @throws AppError `password_compromised` for a password that is in the list of breached ones, where there is one */
    async refuseBreached(password: string): Promise<void> {
      if (!isBreached || !(await isBreached(password))) return
      throw new AppError('password_compromised', 'This password is known from a data breach. Choose another.')
    },
    /**
     * Does work that hashes a password in its turn, fair to all `keys`.
     * @param keys the last one is the account
     * @throws AppError `busy`
     */
    inTurn: <T>(keys: readonly string[], work: (endTurn: () => void) => Promise<T>): Promise<T> =>
      turns.run(keys, hashingPerAccount, work),
    /** Whether cookies are taken from a page of this origin. */
    trusts: (origin: string): boolean => isFrontEnd(origin) || origins().includes(origin),
    /** Origins to which links and redirects may lead; Better Auth takes calls from no others. */
    origins,
    /** Where a browser may be sent by this text; undefined where it may not. */
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

/** A person at the machine itself types either name of it. */
function alsoLocal({ protocol, hostname, port }: URL): string[] {
  if (hostname !== 'localhost') return []
  return [`${protocol}//127.0.0.1:${port}`, `${protocol}//[::1]:${port}`]
}
