import { AsyncLocalStorage } from 'node:async_hooks'
import { runWithTransaction, tryGetCurrentAuthEndpointContext } from '@better-auth/core/context'
import { BASE_ERROR_CODES } from '@better-auth/core/error'
import { passkey } from '@better-auth/passkey'
import { betterAuth } from 'better-auth'
import { APIError, createAuthMiddleware } from 'better-auth/api'
import { deleteSessionCookie } from 'better-auth/cookies'
import { createJwk, type JwtOptions, jwt, twoFactor } from 'better-auth/plugins'
import { announcedSeconds, keptSeconds } from '../auth/own-keys.ts'
import { revoke, subjectOf } from '../auth/revocations.ts'
import type { ProviderClient } from '../config/accounts.ts'
import { basePath } from '../config/public-url.ts'
import { type Database, type Session, statement, unprepared } from '../db/database.ts'
import { kyselyDialect } from '../db/kysely.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { giveBackAttempt, takeAttempt } from './attempts.ts'
import { clientAddressHeader } from './client-address.ts'
import { type Guess, guessIn } from './count-guesses.ts'
import type { devices } from './devices.ts'
import { canonicalEmail } from './email.ts'
import type { Mail } from './mail.ts'
import { passwordHasher } from './passwords.ts'
import { reencrypt } from './reencrypt.ts'
import { issuerSecrets } from './secrets.ts'
import { signingKeys } from './signing-keys.ts'
import { isEmailDisabled, signOutUser } from './users.ts'
import { withoutAddresses } from './without-addresses.ts'

export interface IssuerOptions {
  readonly db: Database
  readonly log: Log
  /** Where this server is reached: `iss` and `aud` of its tokens, and the origin of its links. */
  readonly publicUrl: URL
  /** From where cookies are taken, and to where links may lead: the server's own among them. */
  readonly trustedOrigins: readonly string[]
  /** The first one signs and encrypts; what the others have signed and encrypted is still good. */
  readonly secrets: readonly string[]
  readonly signUp: 'open' | 'closed'
  readonly github: ProviderClient | undefined
  readonly google: ProviderClient | undefined
  readonly mail: Mail
  /** Passwords that are hashed at a time. */
  readonly hashers: number
  readonly devices: Pick<ReturnType<typeof devices>, 'find'>
  /** Removes an account; false where it is disabled. */
  readonly removeAccount: (id: string) => Promise<boolean>
}

export interface NewUser {
  readonly email: string
  readonly name: string
  readonly password: string
}

/** What the caller of `handle` knows about a request. */
export interface Caller {
  readonly cookies?: string | undefined
  /** Send no email. */
  readonly isQuiet?: boolean
  /** Called when no more passwords are hashed. */
  readonly endTurn?: () => void
}

/** What is found out while one request is answered. */
interface Asked {
  readonly caller?: Caller
  error?: AppError
  /** Of the transaction that is under way. */
  session?: Session | undefined
  /** The id of the user who was signed in, or is now. */
  user?: string
  /** Whether this request ends sessions, perhaps its own. */
  endsSessions?: true
  /** The hash of the password that was given and is right. */
  verified?: string
  code?: Guess
  hashed?: { readonly password: string; readonly hash: string }
}

export interface Handled {
  readonly response: Response
  /** The id of the user whose session it is, or was. */
  readonly user: string | undefined
}

export type Issuer = ReturnType<typeof createIssuer>

const oneDay = 24 * 60 * 60
const sevenDays = 7 * oneDay
/** For how long a token is good. */
const tokenMinutes = 15

const mayBegin = statement(
  'session_may_begin',
  `select "disabledAt", (select password from duly.account where "userId" = $1 and "providerId" = 'credential')
  from duly."user" where id = $1`,
)
const sessionExists = statement('session_exists', 'select true from duly.session where id = $1')

/** So many sessions a user has at a time; a new one ends the oldest. */
const mostSessions = 100
const longestUserAgent = 256
const mostPasskeys = 50
const endOldest = unprepared(
  `delete from duly.session where "userId" = $1
    and id in (select id from duly.session where "userId" = $1 order by "createdAt" desc, id offset ${mostSessions})`,
)
const countPasskeys = unprepared('select count(*) from duly.passkey where "userId" = $1')

const removeOtherKeys = unprepared('delete from duly.jwks where id <> $1')
// A little longer than the new one is announced: the clocks of the replicas and of the database differ.
const retireOtherKeys = unprepared(
  `update duly.jwks set "expiresAt" = now() + interval '${2 * announcedSeconds} seconds'
  where id <> $1 and "expiresAt" is null`,
)

// What is one person's mistake to Better Auth is no warning to whoever runs the server.
const quieter = { debug: 'debug', info: 'debug', success: 'debug', warn: 'debug', error: 'warn' } as const

/** Better Auth, as Duly sets it up: everything in our database, in our schema, and nothing kept that is not needed. */
export function createIssuer(options: IssuerOptions) {
  const { db, log, publicUrl, mail, signUp } = options
  const base = basePath(publicUrl)
  const address = publicUrl.origin + base
  // Where the app names no page of its own, the link leads to ours, which asks for a click: mail servers open links too, and Better
  // Auth's own link acts at once.
  const linkOf = (page: 'reset-password' | 'verify-email', url: string, token: string): string => {
    const callback = new URL(url).searchParams.get('callbackURL') ?? ''
    return ['', '/', `/${page}`, `${base}/`, `${base}/${page}`].includes(callback)
      ? `${address}/${page}?token=${token}`
      : url
  }
  const asked = new AsyncLocalStorage<Asked>()
  const note = (what: Asked) => Object.assign(asked.getStore() ?? {}, what)
  const dialect = kyselyDialect(db, {
    failed: error => {
      if (error instanceof AppError) note({ error })
    },
    holds: session => note({ session }),
    mayWrite: session => stillSignedIn(session),
  })
  // What is done beside a transaction of Better Auth's is done in it: it may hold the only session there is.
  const current = (): Session => asked.getStore()?.session ?? db
  // Hashing a password takes a while, in a queue even longer: whose session was ended meanwhile changes nothing any more.
  const stillSignedIn = async (session: Session): Promise<void> => {
    const id: unknown = tryGetCurrentAuthEndpointContext()?.context.session?.session.id
    if (typeof id !== 'string' || asked.getStore()?.endsSessions) return
    const rows = await session.query(sessionExists, [id])
    if (rows.length === 0) throw new AppError('token_invalid', 'Your session has ended. Sign in again.')
  }
  const hasher = passwordHasher(options.hashers)
  const send: Mail['send'] = (...email) => {
    if (!asked.getStore()?.caller?.isQuiet) mail.send(...email)
  }
  // What a provider lets us do in a user's name is not needed once it has told who they are.
  const forgetTokens = async <T extends object>(account: T) => ({
    data: { ...account, accessToken: null, refreshToken: null, idToken: null },
  })
  const refuseDisabled = async (email: string | undefined) => {
    if (email !== undefined && (await isEmailDisabled(current(), email))) throw disabled()
  }
  const provider = (known: ProviderClient | undefined) =>
    known && {
      ...known,
      disableSignUp: signUp === 'closed',
      disableImplicitLinking: false,
      mapProfileToUser: ({ email }: { email: string | null }) =>
        email === null ? {} : { email: canonicalEmail(email) ?? email },
    }
  const github = provider(options.github)
  const google = provider(options.google)

  const jwtOptions = {
    adapter: signingKeys(db),
    jwks: { gracePeriod: keptSeconds },
    jwt: {
      issuer: address,
      audience: address,
      // The session, so that its tokens can end with it; nothing else about the user.
      definePayload: ({ session }) => ({ sid: session.id }),
      expirationTime: `${tokenMinutes}m`,
    },
  } satisfies JwtOptions

  const auth = betterAuth({
    appName: 'Duly',
    baseURL: publicUrl.origin,
    basePath: `${base}/api/auth`,
    secrets: issuerSecrets(options.secrets),
    trustedOrigins: [...options.trustedOrigins],
    database: {
      dialect,
      type: 'postgres',
      schemaName: 'duly',
      transaction: true,
    },
    telemetry: { enabled: false },
    // Limits are Duly's own: counted by account and by the address that Duly has found out.
    rateLimit: { enabled: false },
    logger: {
      level: 'debug',
      log: (level, message) => log[quieter[level]]({ auth: withoutAddresses(message) }, 'accounts'),
    },
    onAPIError: { throw: true },
    advanced: {
      useSecureCookies: publicUrl.protocol === 'https:',
      defaultCookieAttributes: { path: base || '/' },
      disableCSRFCheck: false,
      disableOriginCheck: false,
      ipAddress: { ipAddressHeaders: [clientAddressHeader] },
      // With joins: one query for a person and their password, as for nobody. Two would tell by their time who has an account.
      database: { validateSchema: false, joins: true },
    },
    user: {
      additionalFields: {
        disabledAt: { type: 'date', required: false, input: false, returned: false },
        removedAt: { type: 'date', required: false, input: false, returned: false },
      },
      changeEmail: {
        enabled: true,
        updateEmailWithoutVerification: true,
        sendChangeEmailConfirmation: async ({ user, newEmail, url, token }) =>
          mail.send('change-email', user.email, linkOf('verify-email', url, token), newEmail),
      },
      deleteUser: {
        enabled: true,
        beforeDelete: async ({ id }) => {
          await stillSignedIn(db)
          note({ endsSessions: true })
          asked.getStore()?.caller?.endTurn?.()
          if (!(await options.removeAccount(id))) throw disabled()
        },
      },
    },
    session: { expiresIn: sevenDays, updateAge: oneDay },
    // Links are in e-mails, not in the database: a look into it opens no account.
    verification: { storeIdentifier: 'hashed' },
    emailAndPassword: {
      enabled: true,
      disableSignUp: signUp === 'closed',
      requireEmailVerification: mail.isDelivered,
      revokeSessionsOnPasswordReset: true,
      onPasswordReset: async ({ user }) => {
        note({ user: user.id })
        await signOutUser(db, user.id)
      },
      password: {
        // A sign-up that is tried twice hashes once.
        hash: async password => {
          const before = asked.getStore()?.hashed
          if (before?.password === password) return before.hash
          const hash = await hasher.hash(password)
          note({ hashed: { password, hash } })
          return hash
        },
        verify: async given => {
          const isRight = await hasher.verify(given)
          if (isRight) note({ verified: given.hash })
          return isRight
        },
      },
      sendResetPassword: async ({ user, url, token }) =>
        send('reset-password', user.email, linkOf('reset-password', url, token)),
      onExistingUserSignUp: async ({ user }) => send('already-registered', user.email, address),
    },
    emailVerification: {
      sendOnSignUp: mail.isDelivered,
      autoSignInAfterVerification: true,
      sendVerificationEmail: async ({ user, url, token }) =>
        send('verify-email', user.email, linkOf('verify-email', url, token)),
    },
    socialProviders: { ...(github && { github }), ...(google && { google }) },
    account: { updateAccountOnSignIn: false },
    databaseHooks: {
      user: {
        // Better Auth answers a sign-up as if the address had an account, where that is not to be seen.
        create: { before: user => refuseDisabled(user.email) },
        update: { before: user => refuseDisabled(user.email) },
      },
      account: { create: { before: forgetTokens }, update: { before: forgetTokens } },
      session: {
        delete: {
          before: async ({ userId }) => {
            note({ user: userId, endsSessions: true })
          },
        },
        create: {
          before: async ({ userId, userAgent }, ctx) => {
            const [row] = await current().query(mayBegin, [userId])
            const [disabledAt, password] = row ?? []
            if (disabledAt != null) throw disabled()
            const verified = asked.getStore()?.verified
            // The password was changed or reset while the old one was being checked.
            if (ctx?.path === '/sign-in/email' && verified !== undefined && verified !== password)
              throw APIError.from('UNAUTHORIZED', BASE_ERROR_CODES.INVALID_EMAIL_OR_PASSWORD)
            return { data: { userAgent: userAgent?.slice(0, longestUserAgent) } }
          },
          after: async ({ userId }) => {
            await current().query(endOldest, [userId])
          },
        },
      },
    },
    hooks: {
      // Counted before it is checked, and in the database: guesses in parallel, on any replica, are not evaluated beyond the limit.
      before: createAuthMiddleware(async ctx => {
        const store = asked.getStore()
        if (!store) return
        const guess = await guessIn(ctx, userId => options.devices.find(store.caller?.cookies, { userId }))
        if (!guess) return
        await takeAttempt(db, [guess.count]).catch(error => {
          if (error instanceof AppError) note({ error })
          throw new APIError('TOO_MANY_REQUESTS')
        })
        if (guess.isCode) note({ code: guess })
      }),
      after: createAuthMiddleware(async ctx => {
        const { newSession, session } = ctx.context
        const id = newSession?.user.id ?? session?.user.id
        if (id !== undefined) note({ user: id })
        // An email that confirms an address also signs in, which Better Auth's second factor does not look at: who reads the emails
        // would need neither password nor code. The address is confirmed; whoever has a second factor signs in as always.
        if (ctx.path !== '/verify-email' || session || !newSession?.user.twoFactorEnabled) return
        deleteSessionCookie(ctx, true)
        await ctx.context.internalAdapter.deleteSession(newSession.session.token)
        ctx.context.setNewSession(null)
      }),
    },
    plugins: [
      jwt(jwtOptions),
      // Its own lock checks first and counts then; and it would lock the user out for what others guess.
      twoFactor({ issuer: 'Duly', allowPasswordless: true, accountLockout: { enabled: false } }),
      passkey({
        rpID: publicUrl.hostname,
        rpName: 'Duly',
        origin: [...options.trustedOrigins],
        registration: {
          afterVerification: async ({ user: { id } }) => {
            const [row] = await current().query(countPasskeys, [id])
            if (Number(row?.[0]) < mostPasskeys) return
            const message = `You have ${mostPasskeys} passkeys. Delete one first.`
            throw new APIError('CONFLICT', { code: 'TOO_MANY_PASSKEYS', message })
          },
        },
      }),
    ],
  })

  acceptAnyEmail(auth.api.requestPasswordReset.options.body.shape.email)

  return {
    auth,
    /**
     * Answers a request at `/api/auth/…` in Better Auth's own way.
     * @throws AppError `database_away`, also where Better Auth has told it as something else.
     */
    async handle(request: Request, caller: Caller = {}): Promise<Handled> {
      const store: Asked = { caller }
      const again = mail.isDelivered && request.url.endsWith('/sign-up/email') ? request.clone() : undefined
      let response = await asked.run(store, () => auth.handler(request))
      // Another sign-up with this address has won: now it has an account, and the answer is that of any address which has one.
      if (again && response.status === 422) response = await asked.run(store, () => auth.handler(again))
      if (store.error && response.status >= 400) throw store.error
      if (store.code && response.status === 200) {
        await giveBackAttempt(db, [store.code.count]).catch(error =>
          log.warn({ err: error }, 'an attempt could not be given back'),
        )
      }
      return { response, user: store.user }
    },

    /** Makes an account whose address counts as confirmed: an operator vouches for it. @returns its id */
    addUser({ email, name, password }: NewUser): Promise<string> {
      return asked.run({}, async () => {
        const { adapter, internalAdapter, password: passwords } = await auth.$context
        const hash = await passwords.hash(password)
        return runWithTransaction(adapter, async () => {
          const { id } = await internalAdapter.createUser(
            { email, name, emailVerified: true },
            { method: 'admin' },
          )
          const account = { userId: id, providerId: 'credential', accountId: id, password: hash }
          await internalAdapter.linkAccount(account)
          return id
        })
      })
    },

    /**
     * A new key signs tokens a minute from now, while the others still check theirs.
     * @param atOnce nothing that the others have signed is accepted any more
     * @returns its id
     */
    async rotateKeys(atOnce: boolean): Promise<string> {
      const context = await auth.$context
      // Of a request's context only the part is needed that is given here.
      const { id } = await createJwk({ context } as Parameters<typeof createJwk>[0], jwtOptions)
      await db.transaction(async session => {
        await session.query(atOnce ? removeOtherKeys : retireOtherKeys, [id])
        if (atOnce) await revoke(session, [subjectOf('keys', '')])
      })
      return id
    },

    /** Encrypts with the first secret what others have encrypted. @returns how many rows */
    async reencrypt(): Promise<number> {
      const { secretConfig } = await auth.$context
      return reencrypt(db, secretConfig)
    },
  }
}

function disabled(): APIError {
  return new APIError('FORBIDDEN', { code: 'USER_DISABLED', message: 'This account is disabled.' })
}

/**
 * Better Auth checks addresses with Zod's pattern, which refuses `рф` and `用户@…` and cannot be set. All its schemas share
 * one RegExp object, so that is compiled again; what an address is was checked by `canonicalEmail`.
 */
function acceptAnyEmail(schema: { _zod: { def: { pattern?: RegExp | undefined } } }): void {
  schema._zod.def.pattern?.compile('^[^\\s@]+@[^\\s@]+$')
}
