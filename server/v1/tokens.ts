import { byTokenOwner, takeAttempt } from '../accounts/attempts.ts'
import { type AccessToken, accessTokensOf, maxTokens, type NewAccessToken } from '../auth/access-tokens.ts'
import { grantOf } from '../auth/current-user.ts'
import { type Scope, scopes } from '../auth/identity.ts'
import { taskIdSchema } from '../contracts/task-schemas.ts'
import { brokenRules, type FieldProblem } from '../errors.ts'
import { timeSchema } from '../fields/schema.ts'
import { isStorable } from '../fields/storable.ts'
import { refuseKey } from '../http/idempotent-write.ts'
import { type JsonObject, readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { ownerProblems } from '../http/owner.ts'
import { pathId } from '../http/parameters.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { closed, sent } from '../openapi/schemas.ts'
import { notValue, quote } from '../quote.ts'

// Personal access tokens, for scripts.

const path = '/api/v1/tokens'
const nameLength = 100
const maxDays = 366
const defaultDays = 90
const lifetime =
  'A token works until it expires or is revoked. A password reset by email and `duly user sign-out` revoke all tokens of the user and deactivate the webhooks; a password change does so with `revokeTokens: true`; removing the account revokes them too. Signing out, other account changes and `duly user disable` keep them; a disabled user cannot use them.'

const scopesSchema = { type: 'array', items: { enum: scopes }, minItems: 1, uniqueItems: true }
const tokenFields = {
  id: taskIdSchema,
  name: { type: 'string' },
  scopes: scopesSchema,
  created_at: timeSchema,
  expires_at: timeSchema,
  last_used_at: {
    anyOf: [timeSchema, { type: 'null' }],
    description: 'To the minute; null before the first use.',
  },
}
const example = {
  id: 7,
  name: 'backup',
  scopes: ['tasks:read'],
  created_at: '2026-01-31T09:30:00.000000Z',
  expires_at: '2026-05-01T09:30:00.000000Z',
  last_used_at: null,
}

const create: Route = {
  method: 'POST',
  path,
  scope: 'sign-in',
  operation: {
    id: 'createToken',
    audited: true,
    summary: 'Create a personal access token',
    description: `For scripts. The response contains the token, which is not shown again: the server stores only its hash. At most ${maxTokens} per user. ${lifetime}`,
    body: {
      required: true,
      schema: ref('NewToken'),
      examples: {
        read: { name: 'backup', scopes: ['tasks:read'] },
        both: { name: 'import', scopes: ['tasks:read', 'tasks:write'], expires_in_days: 1 },
      },
    },
    fails: ['too_many_tokens'],
    answers: {
      201: {
        description: 'The token.',
        schema: ref('ShownToken'),
        example: { ...example, token: 'duly_pat_…' },
      },
    },
  },
  async handle(request, reply, { db }) {
    refuseKey(request)
    const wanted = readNewToken(readJson(request), request.userId)
    await takeAttempt(db, [byTokenOwner(request.userId)])
    const { token, ...known } = await accessTokensOf(db, request.userId, grantOf(request)).create(wanted)
    return sendJson(reply.code(201), JSON.stringify({ ...tokenJson(known), token }))
  },
}

const list: Route = {
  method: 'GET',
  path,
  scope: 'sign-in',
  operation: {
    id: 'listTokens',
    summary: 'List your personal access tokens',
    description: `Newest first, without the tokens themselves. Expired tokens are not listed. ${lifetime}`,
    answers: {
      200: {
        description: 'Your personal access tokens.',
        schema: ref('TokenList'),
        example: { tokens: [example] },
      },
    },
  },
  async handle(request, reply, { db }) {
    const tokens = await accessTokensOf(db, request.userId, grantOf(request)).list()
    return sendJson(reply, JSON.stringify({ tokens: tokens.map(tokenJson) }))
  },
}

const revoke: Route = {
  method: 'DELETE',
  path: `${path}/{token_id}`,
  scope: 'sign-in',
  operation: {
    id: 'revokeToken',
    audited: true,
    summary: 'Revoke a personal access token',
    description: 'Every replica rejects it within a second.',
    fails: ['token_not_found', 'broken_rule'],
    answers: { 204: { description: 'The token is revoked.' } },
  },
  async handle(request, reply, { db, tokens }) {
    const id = pathId(request, 'token_id')
    await accessTokensOf(db, request.userId, grantOf(request)).revoke(id)
    tokens.recheck()
    return reply.code(204).send()
  },
}

export const accessTokens: RouteModule = {
  name: 'tokens',
  about:
    'Personal access tokens for scripts: sent as `Authorization: Bearer duly_pat_…` under every contract. They cannot make tokens themselves.',
  pathParameters: {
    token_id: { description: 'The id of the token.', schema: taskIdSchema, example: 7 },
  },
  schemas: {
    AccessToken: closed(tokenFields),
    ShownToken: closed({ ...tokenFields, token: { type: 'string', description: 'Never shown again.' } }),
    TokenList: closed({ tokens: { type: 'array', items: ref('AccessToken') } }),
    NewToken: sent(
      {
        name: { type: 'string', minLength: 1, maxLength: nameLength, pattern: '\\S' },
        scopes: scopesSchema,
        expires_in_days: { type: 'integer', minimum: 1, maximum: maxDays, default: defaultDays },
      },
      ['name', 'scopes'],
    ),
  },
  routes: [create, list, revoke],
}

/** @throws AppError `broken_rule` that names each invalid field */
function readNewToken(body: JsonObject, owner: string): NewAccessToken {
  const problems: FieldProblem[] = ownerProblems(body, owner)
  const rule = (field: string, holds: boolean, message: string) => {
    if (!holds) problems.push({ field, message })
  }
  const name = typeof body.name === 'string' ? body.name.trim() : ''
  const isText = name !== '' && isStorable(name)
  rule(
    'name',
    isText && [...name].length <= nameLength,
    `"name" must have 1 to ${nameLength} characters${notValue(body.name)}.`,
  )
  const granted: readonly unknown[] = Array.isArray(body.scopes) ? body.scopes : []
  const unknown = granted.find(scope => !scopes.some(name => name === scope))
  const isSet = unknown === undefined && granted.length > 0 && new Set(granted).size === granted.length
  const wrong =
    unknown === undefined
      ? notValue(Array.isArray(body.scopes) ? undefined : body.scopes)
      : `, without ${quote(unknown)}`
  rule('scopes', isSet, `"scopes" must be an array of ${scopes.join(', ')}, each at most once${wrong}.`)
  const days = body.expires_in_days === undefined ? defaultDays : body.expires_in_days
  const isDays = Number.isSafeInteger(days) && Number(days) >= 1 && Number(days) <= maxDays
  rule(
    'expires_in_days',
    isDays,
    `"expires_in_days" must be a whole number from 1 to ${maxDays}${notValue(days)}.`,
  )
  if (problems.length > 0) throw brokenRules(problems)
  return { name, scopes: granted as Scope[], expiresInDays: Number(days) }
}

function tokenJson({ id, name, scopes: granted, createdAt, expiresAt, lastUsedAt }: AccessToken) {
  return { id, name, scopes: granted, created_at: createdAt, expires_at: expiresAt, last_used_at: lastUsedAt }
}
