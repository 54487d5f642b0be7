import { grantOf } from '../../auth/current-user.ts'
import { endSession } from '../../auth/sessions.ts'
import { AppError } from '../../errors.ts'
import { sendJson } from '../../http/json-reply.ts'
import { ownerJson } from '../../http/owner.ts'
import type { Route, RouteModule } from '../../http/route.ts'
import { type Operation, ref } from '../../openapi/operation.ts'
import { closed } from '../../openapi/schemas.ts'
import { findUser } from '../users.ts'
import { userJson } from './begin-session.ts'
import { atEach } from './paths.ts'
import { signedInSchemas } from './schemas.ts'

const meOperation: Operation = {
  id: 'getUser',
  summary: 'Get the user of your token',
  description: 'Accepts every token that may read tasks, also of another issuer.',
  answers: { 200: { description: 'The user.', schema: ref('Me') } },
  fails: ['database_away'],
}

const me: Route['handle'] = async ({ userId }, reply, { db }) => {
  const found = await findUser(db, { id: userId })
  const id: string | number = JSON.parse(ownerJson(userId))
  const user = found ? userJson(found) : { id, email: null, name: null, username: null, created_at: null }
  return sendJson(reply, JSON.stringify({ ...user, valid: true, authenticated: true, user_id: id, user }))
}

const signOutOperation: Operation = {
  id: 'signOut',
  summary: 'Sign out',
  description: 'Ends the session of your token. All its tokens are rejected on all replicas within a second.',
  answers: {
    200: { description: 'The session has ended.', schema: closed({ success: { const: true } }) },
  },
  fails: ['no_session'],
  audited: 'signOut',
}

const signOut: Route['handle'] = async (request, reply, { db, tokens }) => {
  const { sessionId } = grantOf(request).identity
  if (sessionId === undefined) {
    const message = 'The token belongs to no session of this server. Sign out where you got it.'
    throw new AppError('no_session', message)
  }
  await endSession(db, sessionId, request.userId)
  tokens.recheck()
  return sendJson(reply, JSON.stringify({ success: true }))
}

/** What existing front ends call with their token, beside tasks. */
export const signedIn: RouteModule = {
  name: 'signed-in',
  about: 'The user and the session of a token, for existing front ends.',
  schemas: signedInSchemas,
  routes: [
    ...atEach(['me', 'profile'], 'GET', meOperation, me),
    ...atEach(['verify'], 'GET', { ...meOperation, summary: 'Verify your token' }, me),
    ...atEach(['verify'], 'POST', { ...meOperation, id: 'verifyUser', summary: 'Verify your token' }, me, {
      scope: 'tasks:read',
    }),
    ...atEach(['logout', 'signout'], 'POST', signOutOperation, signOut, { scope: 'sign-in' }),
  ],
}
