import type { FastifyRequest } from 'fastify'
import type { Context } from '../../context.ts'
import { AppError } from '../../errors.ts'
import type { Accounts } from '../accounts.ts'
import { findUser, type User } from '../users.ts'
import { ask, cookiesOf, rejectionOf } from './ask-issuer.ts'
import { readSignIn, readSignUp, usernameOf } from './credentials.ts'

type Deps = { readonly accounts: Accounts; readonly db: Context['db'] }

/** The session of the new user. Undefined if the email address must be confirmed first. */
export async function signUp(request: FastifyRequest, deps: Deps) {
  const question = { call: 'signUp', fields: await readSignUp(request) }
  const { response } = await ask(question, request, deps.accounts, deps.db)
  if (!response.ok) throw await rejectionOf(response)
  const { token } = (await response.json()) as { token: string | null }
  return token === null ? undefined : sessionOf(token, deps)
}

/** @throws AppError `sign_in_failed`, `code_required`, `sign_in_forbidden` */
export async function signIn(request: FastifyRequest, deps: Deps) {
  const { accounts, db } = deps
  const { fields, code } = await readSignIn(request)
  const { response } = await ask({ call: 'signIn', fields }, request, accounts, db)
  if (!response.ok) throw await rejectionOf(response)
  const { token } = (await response.clone().json()) as { token?: string }
  if (token !== undefined) return sessionOf(token, deps)
  if (code === undefined) {
    const message = 'This account uses two-factor authentication. Send the current code as "code".'
    throw new AppError('code_required', message)
  }
  const call = /^\d{6}$/.test(code) ? 'verifyTotp' : 'verifyBackupCode'
  const second = { call, fields: { code }, cookies: cookiesOf(response) }
  const { response: verified } = await ask(second, request, accounts, db)
  if (!verified.ok) throw await rejectionOf(verified)
  return sessionOf(((await verified.json()) as { token: string }).token, deps)
}

/** @param key by which Better Auth finds the session */
async function sessionOf(key: string, { accounts, db }: Deps) {
  const signed = await (await accounts.issuer()).tokenOf(key)
  const user = signed && (await findUser(db, { id: signed.userId }))
  if (!user) throw new AppError('sign_in_failed', 'The session has ended. Sign in again.')
  return {
    access_token: signed.token,
    token: signed.token,
    token_type: 'bearer',
    expires_in: signed.expiresIn,
    expires_at: signed.expiresAt,
    user: userJson(user),
  }
}

export function userJson({ id, email, name, createdAt }: Pick<User, 'id' | 'email' | 'name' | 'createdAt'>) {
  return { id, email, name, username: usernameOf(email), created_at: createdAt }
}
