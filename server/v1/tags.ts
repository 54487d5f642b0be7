import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { unseenWrite } from '../contracts/task-schemas.ts'
import { brokenRules } from '../errors.ts'
import { idempotencyKey, replayedHeader } from '../http/idempotent-write.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { changeHeader, sendChange } from '../http/own-changes.ts'
import { readerOf } from '../http/own-tasks.ts'
import { queryText } from '../http/parameters.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { type Answer, ref } from '../openapi/operation.ts'
import { closed, countSchema, sent } from '../openapi/schemas.ts'
import { readTag, replaceTag } from '../tasks/change/tag-operations.ts'
import { tagPage } from '../tasks/tag-list.ts'
import { unknownProblems } from './body.ts'
import { notCursor } from './list-cursor.ts'
import { cursorParameter } from './page-parameters.ts'

// The tags of all tasks.

const path = '/api/v1/tags'
const name = { type: 'string', minLength: 1, maxLength: 50 }
const pageSize = 1000
const fails = ['change_too_large'] as const
const changed: Answer = {
  description: 'How many tasks had the tag.',
  schema: ref('TaggedCount'),
  example: { tasks: 3 },
  headers: { ...replayedHeader, ...changeHeader },
}

const list: Route = {
  method: 'GET',
  path,
  operation: {
    id: 'listTags',
    summary: 'List tags',
    description:
      'The tags of all tasks that are not in the trash, by name, with the number of open tasks. A page has 1,000 tags at most.',
    parameters: [cursorParameter()],
    answers: {
      200: {
        description: 'The tags.',
        schema: ref('TagList'),
        example: { tags: [{ name: 'home', open_task_count: 3 }], next_cursor: null },
      },
    },
  },
  async handle(request, reply, { db }) {
    const page = { after: keyIn(queryText(request, 'cursor')), limit: pageSize }
    const { tags, next } = await tagPage(db, request.userId, page, readerOf(request))
    const shown = tags.map(({ name, openTasks }) => ({ name, open_task_count: openTasks }))
    const cursor = next === null ? null : Buffer.from(next).toString('base64url')
    return sendJson(reply, JSON.stringify({ tags: shown, next_cursor: cursor }))
  },
}

/** The key of the last tag of the page before. @throws AppError `broken_rule` */
function keyIn(cursor: string | undefined): string {
  if (cursor === undefined) return ''
  const key = Buffer.from(cursor, 'base64url').toString()
  if (Buffer.from(key).toString('base64url') !== cursor || key === '')
    throw notCursor(cursor, 'a page of tags')
  return key
}

const rename: Route = {
  method: 'POST',
  path: `${path}/rename`,
  operation: {
    id: 'renameTag',
    summary: 'Rename a tag',
    description: 'Renames the tag of all tasks. A task that has both tags keeps one.',
    parameters: [idempotencyKey],
    body: { required: true, schema: ref('TagRename'), examples: { rename: { from: 'home', to: 'house' } } },
    fails,
    answers: { 200: changed, 204: unseenWrite },
  },
  handle: (request, reply, context) => replace(request, reply, context, ['from', 'to']),
}

const remove: Route = {
  method: 'POST',
  path: `${path}/delete`,
  operation: {
    id: 'removeTag',
    summary: 'Delete a tag',
    description: 'Removes it from all tasks.',
    parameters: [idempotencyKey],
    body: { required: true, schema: ref('TagName'), examples: { remove: { name: 'home' } } },
    fails,
    answers: { 200: changed, 204: unseenWrite },
  },
  handle: (request, reply, context) => replace(request, reply, context, ['name']),
}

function replace(
  request: FastifyRequest,
  reply: FastifyReply,
  context: Context,
  [from, to]: readonly ['from', 'to'] | readonly ['name'],
): Promise<FastifyReply> {
  const body = readJson(request)
  const problems = unknownProblems(body, to ? [from, to] : [from])
  if (problems.length > 0) throw brokenRules(problems)
  const old = readTag(body[from], from)
  const next = to ? readTag(body[to], to) : undefined
  return sendChange(
    request,
    reply,
    context,
    change => replaceTag(change, old, next),
    ({ result }) => ({ status: 200, body: JSON.stringify({ tasks: result }) }),
  )
}

export const tagRoutes: RouteModule = {
  name: 'tags',
  about: 'Tags over all tasks.',
  schemas: {
    TagList: closed({
      tags: { type: 'array', items: closed({ name, open_task_count: countSchema }) },
      next_cursor: { type: ['string', 'null'] },
    }),
    TagRename: sent({ from: name, to: name }, ['from', 'to']),
    TagName: sent({ name }, ['name']),
    TaggedCount: closed({ tasks: countSchema }),
  },
  routes: [list, rename, remove],
}
