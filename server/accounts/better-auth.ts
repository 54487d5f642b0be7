import { passkey } from '@better-auth/passkey'
import { betterAuth } from 'better-auth'
import { type JwtOptions, jwt } from 'better-auth/plugins/jwt'
import { twoFactor } from 'better-auth/plugins/two-factor'
import { keptSeconds } from '../auth/own-keys.ts'
import type { ProviderClient } from '../config/accounts.ts'
import { basePath } from '../config/public-url.ts'
import { type Database, unprepared } from '../db/database.ts'
import { kyselyDialect } from '../db/kysely.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { clientAddressHeader } from './client-address.ts'
import type { devices } from './devices.ts'
import { canonicalEmail } from './email.ts'
import { limitPasskeys } from './limit-passkeys.ts'
import type { Mail } from './mail.ts'
import { passwordHasher } from './passwords.ts'
import { requestHooks } from './request-hooks.ts'
import type { RequestStates } from './request-state.ts'
import { issuerSecrets } from './secrets.ts'
import { requireSession, sessionHooks, userDisabled } from './session-hooks.ts'
import { signingKeys } from './signing-keys.ts'
import { isEmailDisabled, signOutUser } from './users.ts'
import { withoutAddresses } from './without-addresses.ts'

export interface IssuerOptions {
  readonly db: Database
  readonly log: Log
  /** The URL of this server: `iss` and `aud` of its tokens, and the origin of its links. */
  readonly publicUrl: URL
  /** Origins that may send cookies and be redirect targets, including the server's own. */
  readonly trustedOrigins: readonly string[]
  /** The first one signs and encrypts. What the others have signed and encrypted stays valid. */
  readonly secrets: readonly string[]
  readonly signUp: 'open' | 'closed'
  readonly github: ProviderClient | undefined
  readonly google: ProviderClient | undefined
  readonly mail: Mail
  /** Passwords that are hashed at the same time. */
  readonly hashers: number
  readonly devices: Pick<ReturnType<typeof devices>, 'find'>
  /** Deletes an account. False if it is disabled. */
  readonly removeAccount: (id: string) => Promise<boolean>
}

const oneDay = 24 * 60 * 60
const sevenDays = 7 * oneDay
const tokenMinutes = 15

// A user's mistake is an error to Better Auth, but no warning for the operator.
const quieter = { debug: 'debug', info: 'debug', success: 'debug', warn: 'debug', error: 'warn' } as const

/** How tokens are signed. */
export function jwtOptions(db: Database, publicUrl: URL) {
  const address = addressOf(publicUrl)
  return {
    adapter: signingKeys(db),
    jwks: { gracePeriod: keptSeconds },
    jwt: {
      issuer: address,
      audience: address,
      // The session, so that its tokens end with it. Nothing else about the user.
      definePayload: ({ session }) => ({ sid: session.id }),
      expirationTime: `${tokenMinutes}m`,
    },
  } satisfies JwtOptions
}

const confirmEmail = unprepared('update duly."user" set "emailVerified" = true where id = $1')

/** Better Auth, configured: all data in our database and schema, and only the data needed. */
export function configureBetterAuth(options: IssuerOptions, states: RequestStates) {
  const { db, log, publicUrl, mail, signUp } = options
  const base = basePath(publicUrl)
  const address = addressOf(publicUrl)
  // If the app names no page of its own, the link leads to our page, which asks for a click. Mail
  // servers open links too, and Better Auth's own link acts at once.
  const linkOf = (page: 'reset-password' | 'verify-email', url: string, token: string): string => {
    const callback = new URL(url).searchParams.get('callbackURL') ?? ''
    return ['', '/', `/${page}`, `${base}/`, `${base}/${page}`].includes(callback)
      ? `${address}/${page}?token=${token}`
      : url
  }
  const dialect = kyselyDialect(db, {
    failed: error => {
      if (error instanceof AppError) states.note({ error })
    },
    holds: session => states.note({ session }),
    mayWrite: session => requireSession(session, states),
  })
  const hasher = passwordHasher(options.hashers)
  const send: Mail['send'] = (email, to, link, more) => {
    const { caller } = states.current ?? {}
    if (!caller?.isQuiet) mail.send(email, to, link, { ...more, address: caller?.address })
  }
  // Tokens of providers are not needed after the sign-in.
  const forgetTokens = async <T extends object>(account: T) => ({
    data: { ...account, accessToken: null, refreshToken: null, idToken: null },
  })
  const rejectDisabled = async (email: string | undefined) => {
    if (email !== undefined && (await isEmailDisabled(states.sessionOf(db), email))) throw userDisabled()
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

  return betterAuth({
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
    // Duly counts attempts itself, by account and by the client address behind trusted proxies.
    rateLimit: { enabled: false },
    logger: {
      level: 'debug',
      log: (level, message) => log[quieter[level]]({ auth: withoutAddresses(message) }, 'accounts'),
    },
    // Where a sign-in with a provider ends that failed, if the app names no page of its own.
    onAPIError: { throw: true, errorURL: `${address}/` },
    advanced: {
      useSecureCookies: publicUrl.protocol === 'https:',
      defaultCookieAttributes: { path: base || '/' },
      disableCSRFCheck: false,
      disableOriginCheck: false,
      ipAddress: { ipAddressHeaders: [clientAddressHeader] },
      // With joins, a user and their password are one query, as for an unknown address. The time of
      // two would reveal which accounts exist.
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
          send('change-email', user.email, linkOf('verify-email', url, token), { newEmail }),
      },
      deleteUser: {
        enabled: true,
        beforeDelete: async ({ id }) => {
          await requireSession(db, states)
          states.note({ endsSessions: true })
          states.current?.caller?.endTurn?.()
          if (!(await options.removeAccount(id))) throw userDisabled()
        },
      },
    },
    session: {
      expiresIn: sevenDays,
      updateAge: oneDay,
      additionalFields: {
        bearer: { type: 'boolean', required: false, input: false, returned: false },
      },
    },
    // Links in emails are stored as hashes: read access to the database opens no account.
    verification: { storeIdentifier: 'hashed' },
    emailAndPassword: {
      enabled: true,
      disableSignUp: signUp === 'closed',
      requireEmailVerification: mail.isDelivered,
      revokeSessionsOnPasswordReset: true,
      onPasswordReset: async ({ user }) => {
        states.note({ user: user.id })
        await signOutUser(db, user.id)
        // The link was in an email to this address.
        if (mail.isDelivered) await states.sessionOf(db).query(confirmEmail, [user.id])
      },
      password: {
        // A sign-up that is repeated (see `handle`) hashes once.
        hash: async password => {
          const before = states.current?.hashed
          if (before?.password === password) return before.hash
          const hash = await hasher.hash(password)
          states.note({ hashed: { password, hash } })
          return hash
        },
        verify: async given => {
          const isRight = await hasher.verify(given)
          if (isRight) states.note({ verified: given.hash })
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
      // A stranger may have signed up. Sessions exist if SMTP_URL was set later.
      beforeEmailVerification: ({ id }) => signOutUser(db, id),
      sendVerificationEmail: async ({ user, url, token }) =>
        send('verify-email', user.email, linkOf('verify-email', url, token)),
    },
    socialProviders: { ...(github && { github }), ...(google && { google }) },
    account: { updateAccountOnSignIn: false },
    databaseHooks: {
      user: {
        // With SMTP_URL, Better Auth answers such a sign-up as if the address had an account.
        create: { before: user => rejectDisabled(user.email) },
        update: { before: user => rejectDisabled(user.email) },
      },
      account: { create: { before: forgetTokens }, update: { before: forgetTokens } },
      session: sessionHooks(db, states),
    },
    hooks: requestHooks(db, states, options.devices),
    plugins: [
      jwt(jwtOptions(db, publicUrl)),
      // Its own lockout checks before it counts, and would lock users out for guesses of others.
      twoFactor({ issuer: 'Duly', allowPasswordless: true, accountLockout: { enabled: false } }),
      passkey({
        rpID: publicUrl.hostname,
        rpName: 'Duly',
        origin: [...options.trustedOrigins],
        registration: {
          afterVerification: ({ user }) => limitPasskeys(states.sessionOf(db), user.id),
        },
      }),
    ],
  })
}

function addressOf(publicUrl: URL): string {
  return publicUrl.origin + basePath(publicUrl)
}
