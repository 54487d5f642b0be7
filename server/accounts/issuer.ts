import { runWithTransaction } from '@better-auth/core/context'
import { createJwk } from 'better-auth/plugins/jwt'
import { announcedSeconds } from '../auth/own-keys.ts'
import { revoke, subjectOf } from '../auth/revocations.ts'
import { unprepared } from '../db/database.ts'
import { giveBackAttempt } from './attempts.ts'
import { configureBetterAuth, type IssuerOptions, jwtOptions } from './better-auth.ts'
import { reencrypt } from './reencrypt.ts'
import { type Caller, type RequestState, RequestStates } from './request-state.ts'
import { type SessionToken, signSessionToken } from './session-token.ts'

interface NewUser {
  readonly email: string
  readonly name: string
  readonly password: string
}

export interface Handled {
  readonly response: Response
  /** The id of the user whose session it is, or was. */
  readonly user: string | undefined
}

export type Issuer = ReturnType<typeof createIssuer>

const removeOtherKeys = unprepared('delete from duly.jwks where id <> $1')
// Longer than the new key is announced: the clocks of the replicas and of the database differ.
const retireOtherKeys = unprepared(
  `update duly.jwks set "expiresAt" = now() + interval '${2 * announcedSeconds} seconds'
  where id <> $1 and "expiresAt" is null`,
)

/** Better Auth, and what the server and operators ask of it. */
export function createIssuer(options: IssuerOptions) {
  const { db, log, publicUrl, mail } = options
  const states = new RequestStates()
  const auth = configureBetterAuth(options, states)
  acceptAnyEmail(auth.api.requestPasswordReset.options.body.shape.email)

  return {
    auth,
    /**
     * Answers a request at `/api/auth/…` in Better Auth's own way.
     * @throws AppError `database_away`, even if Better Auth reported another error.
     */
    async handle(request: Request, caller: Caller = {}): Promise<Handled> {
      const state: RequestState = { caller }
      const again = mail.isDelivered && request.url.endsWith('/sign-up/email') ? request.clone() : undefined
      let response = await states.run(state, () => auth.handler(request))
      // A simultaneous sign-up has created the account. Answer as for any address that has one.
      if (again && response.status === 422) response = await states.run(state, () => auth.handler(again))
      if (state.error && response.status >= 400) throw state.error
      if (state.code && response.status === 200) {
        await giveBackAttempt(db, [state.code.count]).catch(error =>
          log.warn({ err: error }, 'cannot undo the count of an attempt'),
        )
      }
      return { response, user: state.user }
    },

    /**
     * Signs the token of a session. Undefined if the session has ended.
     * @param key by which Better Auth finds the session
     */
    async tokenOf(key: string): Promise<SessionToken | undefined> {
      const context = await auth.$context
      const found = await context.internalAdapter.findSession(key)
      return found ? signSessionToken(context, jwtOptions(db, publicUrl), found.session) : undefined
    },

    /** Creates an account with a confirmed address, for an operator. @returns its id */
    addUser({ email, name, password }: NewUser): Promise<string> {
      return states.run({}, async () => {
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
     * Creates a signing key. It signs tokens a minute from now, and tokens of the older keys stay
     * valid.
     * @param atOnce tokens of the older keys are rejected at once
     * @returns the id of the key
     */
    async rotateKeys(atOnce: boolean): Promise<string> {
      const context = await auth.$context
      // createJwk uses only this part of a request's context.
      const { id } = await createJwk(
        { context } as Parameters<typeof createJwk>[0],
        jwtOptions(db, publicUrl),
      )
      await db.transaction(async session => {
        await session.query(atOnce ? removeOtherKeys : retireOtherKeys, [id])
        if (atOnce) await revoke(session, [subjectOf('keys', '')])
      })
      return id
    },

    /** Re-encrypts with the first secret what others encrypted. @returns the number of rows */
    async reencrypt(): Promise<number> {
      const { secretConfig } = await auth.$context
      return reencrypt(db, secretConfig)
    },
  }
}

/**
 * Better Auth validates addresses with Zod's pattern, which rejects `рф` and `用户@…` and cannot be
 * configured. All its schemas share one RegExp object, so recompile it. `canonicalEmail` has
 * validated the address before.
 */
function acceptAnyEmail(schema: { _zod: { def: { pattern?: RegExp | undefined } } }): void {
  schema._zod.def.pattern?.compile('^[^\\s@]+@[^\\s@]+$')
}
