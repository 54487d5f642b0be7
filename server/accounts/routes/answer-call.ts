import type { FastifyRequest } from 'fastify'
import { emailSha256 } from '../../audit.ts'
import { endBearerSessions } from '../../auth/sessions.ts'
import type { Context } from '../../context.ts'
import type { Accounts } from '../accounts.ts'
import { giveBackAttempt, takeAttempt } from '../attempts.ts'
import type { Handled } from '../issuer.ts'
import type { Caller } from '../request-state.ts'
import { revokeTokensOf } from '../users.ts'
import type { Call } from './call.ts'
import { countsOf, turnKeys } from './count-attempts.ts'
import { issuerRequest } from './issuer-request.ts'
import { beginsSession } from './issuer-response.ts'
import { type Fields, readFields, validQuery } from './read-fields.ts'

/** Checks and counts a call, and lets Better Auth answer it. */
export async function answerCall(
  call: Call,
  request: FastifyRequest,
  accounts: Accounts,
  db: Context['db'],
): Promise<Response> {
  const fields = call.method === 'GET' ? undefined : readFields(call, request, accounts)
  const forIssuer = issuerRequest(call, request, fields, accounts)
  if (forIssuer instanceof Response) return forIssuer
  if (call.parameters) validQuery(call.parameters, request)
  const { cookie: cookies } = request.headers
  const question = { call, request, fields, forIssuer, caller: { cookies } }
  const { response, user } = await askIssuer(question, accounts, db)
  const isDone = response.status === 200 && user !== undefined
  if (isDone && fields?.revokeTokens === true) await revokeTokensOf(db, user)
  if (isDone && call.id === 'changePassword') await endBearerSessions(db, user)
  const isKnown = beginsSession(response) || (call.choosesPassword === 'newPassword' && response.ok)
  const known = isKnown && user !== undefined ? await accounts.devices.write(user) : undefined
  if (known !== undefined) response.headers.append('set-cookie', known)
  return response
}

interface Question {
  readonly call: Call
  /** The client's own request, for its address and its audit log line. */
  readonly request: FastifyRequest
  readonly fields: Fields | undefined
  readonly forIssuer: Request
  readonly caller: Caller
}

/** Counts a call, waits for its turn to hash, and lets Better Auth answer it. */
export async function askIssuer(
  { call, request, fields, forIssuer, caller }: Question,
  accounts: Accounts,
  db: Context['db'],
): Promise<Handled> {
  const chosen = call.choosesPassword && fields?.[call.choosesPassword]
  if (typeof chosen === 'string') await accounts.refuseBreached(chosen)
  const email = typeof fields?.email === 'string' ? fields.email : undefined
  const device =
    email !== undefined && (call.attempts === 'account' || call.attempts === 'proof')
      ? await accounts.devices.find(caller.cookies, { email })
      : undefined
  const counts = countsOf(call, request, fields, device)
  const ask = async (endTurn?: () => void) => {
    const isQuiet = await takeAttempt(db, [...counts.guesses, ...counts.work])
    const state = { ...caller, address: request.ip, isQuiet, ...(endTurn && { endTurn }) }
    return (await accounts.issuer()).handle(forIssuer, state)
  }
  request.auditFacts = { ...request.auditFacts, ...(email && { emailSha256: emailSha256(email) }) }
  // A request that is rejected because the queue is full does not count as an attempt.
  const handled = await (call.hashes ? accounts.inTurn(turnKeys(request, fields, device), ask) : ask())
  const { response, user } = handled
  request.auditFacts = { ...request.auditFacts, user, beginsSession: beginsSession(response) }
  if (call.attempts === 'account' && response.status === 200) {
    await giveBackAttempt(db, counts.guesses).catch(error =>
      request.log.warn({ reqId: request.id, err: error }, 'cannot undo the count of an attempt'),
    )
  }
  return handled
}
