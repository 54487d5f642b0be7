import type { FastifyRequest } from 'fastify'
import { emailSha256 } from '../../audit.ts'
import type { Context } from '../../context.ts'
import type { Accounts } from '../accounts.ts'
import { giveBackAttempt, takeAttempt } from '../attempts.ts'
import { revokeTokensOf } from '../users.ts'
import type { Call } from './call.ts'
import { countsOf, turnKeys } from './count-attempts.ts'
import { issuerRequest } from './issuer-request.ts'
import { beginsSession } from './issuer-response.ts'
import { readFields } from './read-fields.ts'

/** Checks and counts a call, and lets Better Auth answer it. */
export async function answerCall(
  call: Call,
  request: FastifyRequest,
  accounts: Accounts,
  db: Context['db'],
): Promise<Response> {
  const fields = call.method === 'GET' ? undefined : readFields(call, request, accounts)
  const chosen = call.choosesPassword && fields?.[call.choosesPassword]
  if (typeof chosen === 'string') await accounts.refuseBreached(chosen)
  const email = typeof fields?.email === 'string' ? fields.email : undefined
  const forIssuer = issuerRequest(call, request, fields, accounts)
  if (forIssuer instanceof Response) return forIssuer
  const { cookie: cookies } = request.headers
  const device =
    email !== undefined && (call.attempts === 'account' || call.attempts === 'proof')
      ? await accounts.devices.find(cookies, { email })
      : undefined
  const counts = countsOf(call, request, fields, device)
  const ask = async (endTurn?: () => void) => {
    const isQuiet = await takeAttempt(db, [...counts.guesses, ...counts.work])
    const caller = { cookies, isQuiet, ...(endTurn && { endTurn }) }
    return (await accounts.issuer()).handle(forIssuer, caller)
  }
  request.auditFacts = { emailSha256: email && emailSha256(email) }
  // A request that is rejected because the queue is full does not count as an attempt.
  const { response, user } = await (call.hashes
    ? accounts.inTurn(turnKeys(request, fields, device), ask)
    : ask())
  request.auditFacts = { ...request.auditFacts, user, beginsSession: beginsSession(response) }
  if (fields?.revokeTokens === true && response.status === 200 && user !== undefined)
    await revokeTokensOf(db, user)
  if (call.attempts === 'account' && response.status === 200) {
    await giveBackAttempt(db, counts.guesses).catch(error =>
      request.log.warn({ reqId: request.id, err: error }, 'cannot give back an attempt'),
    )
  }
  const isKnown = beginsSession(response) || (call.choosesPassword === 'newPassword' && response.ok)
  const known = isKnown && user !== undefined ? await accounts.devices.write(user) : undefined
  if (known !== undefined) response.headers.append('set-cookie', known)
  return response
}
