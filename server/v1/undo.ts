import type { FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import { wholeTaskJson } from '../contracts/task-json.ts'
import { taskPathParameters, unseenWrite } from '../contracts/task-schemas.ts'
import { brokenRules } from '../errors.ts'
import { timeSchema } from '../fields/schema.ts'
import { errorAnswer, placeOf, refusalHeaders } from '../http/error-reply.ts'
import { idempotencyKey, replayedHeader } from '../http/idempotent-write.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { changeHeader, sendChange } from '../http/own-changes.ts'
import { queryInteger, taskId } from '../http/parameters.ts'
import { problemShape } from '../http/problem-reply.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { closed, sent } from '../openapi/schemas.ts'
import { notValue } from '../quote.ts'
import { authorOf } from '../tasks/author.ts'
import type { TaskRow } from '../tasks/change/rows.ts'
import { notFound, UndoConflict, undo } from '../tasks/change/undo.ts'
import { changeId, revisionIn } from '../tasks/change-id.ts'
import { type HistoryEntry, historyActions, historyOf } from '../tasks/history.ts'
import { readState } from '../tasks/list.ts'
import { unknownProblems } from './body.ts'
import { itemSchema, itemsJson } from './items.ts'
import { cursorParameter, limitParameter, readLimit } from './page-parameters.ts'
import { example } from './task-wire.ts'

// The history of a task, and undo.

const exampleChange = 'c-1kq3ZkWq9s0x'

const history: Route = {
  method: 'GET',
  path: '/api/v1/tasks/{id}/history',
  operation: {
    id: 'listHistory',
    summary: 'List the history of a task',
    description:
      'What changed, when and by whom, newest first, as far back as HISTORY_DAYS. Also of a task in the trash.',
    parameters: [limitParameter('entries'), cursorParameter()],
    answers: {
      200: {
        description: 'A page of the history.',
        schema: ref('History'),
        example: {
          history: [
            {
              ...{
                revision: 12,
                change: exampleChange,
                at: '2026-01-31T09:30:00.000000Z',
                action: 'updated',
              },
              ...{ by: { kind: 'token', name: 'backup' } },
              fields: { title: { from: 'Water the plant', to: 'Water the plants' } },
            },
          ],
          next_cursor: null,
        },
      },
    },
  },
  async handle(request, reply, { db }) {
    const id = taskId(request)
    const { userId } = request
    const limit = readLimit(request)
    const most = Number.MAX_SAFE_INTEGER
    const from = queryInteger(request, 'cursor', { min: 1, max: most, fallback: null })
    const [{ epoch }, page] = await Promise.all([
      readState(db, userId),
      historyOf(db, userId, id, { from, limit }),
    ])
    const entryOf = ({ actor, ...entry }: HistoryEntry) => ({
      revision: entry.revision,
      change: changeId(userId, { revision: entry.revision, epoch }),
      at: entry.at,
      action: entry.action,
      by: authorOf(actor),
      fields: entry.fields,
    })
    const body = { history: page.history.map(entryOf), next_cursor: page.next && String(page.next) }
    return sendJson(reply, JSON.stringify(body))
  },
}

const undoRoute: Route = {
  method: 'POST',
  path: '/api/v1/undo',
  operation: {
    id: 'undo',
    summary: 'Undo a change',
    description:
      'Restores the values that each item had before the change, if the item still has those that the change wrote. The undo is a change too: undo it to redo. If nothing has to be changed, `change` is null.',
    parameters: [idempotencyKey],
    body: { required: true, schema: ref('Undo'), examples: {} },
    fails: ['change_not_found', 'undo_conflict', 'change_too_large', 'too_many_tasks', 'storage_full'],
    answers: {
      200: {
        description: 'The items as they are now.',
        schema: ref('Undone'),
        example: { results: [{ task: example }], change: exampleChange },
        headers: { ...replayedHeader, ...changeHeader },
      },
      204: unseenWrite,
    },
  },
  async handle(request, reply, context) {
    const text = changeOf(request)
    try {
      return await sendChange(
        request,
        reply,
        context,
        change => {
          const revision = revisionIn(text, request.userId, change.owner.epoch)
          if (revision === undefined) throw notFound()
          return undo(change, revision, { tasks: context.quota.tasks })
        },
        done => {
          const id = done.isChanged ? JSON.stringify(changeId(request.userId, done)) : 'null'
          return { status: 200, body: `{"results":[${itemsJson(request, done)}],"change":${id}}` }
        },
      )
    } catch (error) {
      if (!(error instanceof UndoConflict)) throw error
      const { status, headers, body } = errorAnswer(problemShape, error, placeOf(request))
      const { mayRead } = grantOf(request)
      const conflicts = error.conflicts.map(({ item, ...conflict }) => {
        const json = JSON.stringify(conflict)
        if (!mayRead || conflict.type !== 'task' || !item || item.deleted_at !== null) return json
        // Items of type task.
        return `${json.slice(0, -1)},"task":${wholeTaskJson(item as TaskRow)}}`
      })
      reply.code(status).headers(refusalHeaders).headers(headers)
      return reply.send(`${body.slice(0, -1)},"conflicts":[${conflicts.join()}]}`)
    }
  },
}

function changeOf(request: FastifyRequest): string {
  const body = readJson(request)
  const problems = unknownProblems(body, ['change'])
  if (typeof body.change !== 'string' || body.change.length > 100)
    problems.push({
      field: 'change',
      message: `"change" must be the id of a change, from \`Duly-Change\` or the history${notValue(body.change)}.`,
    })
  if (problems.length > 0) throw brokenRules(problems)
  return String(body.change)
}

export const undoRoutes: RouteModule = {
  name: 'history',
  about: 'The history of tasks, and undo.',
  pathParameters: taskPathParameters,
  schemas: {
    History: closed({
      history: {
        type: 'array',
        items: closed({
          revision: { type: 'integer' },
          change: { type: 'string', description: 'The id of the change, for undo.' },
          at: timeSchema,
          action: { enum: historyActions },
          by: closed({
            kind: { enum: ['session', 'token', 'issuer', 'operator'] },
            name: { type: ['string', 'null'], description: 'The name of the personal access token.' },
          }),
          fields: {
            type: 'object',
            additionalProperties: {
              type: 'object',
              required: ['from', 'to'],
              properties: { from: {}, to: {} },
              additionalProperties: false,
            },
          },
        }),
      },
      next_cursor: { type: ['string', 'null'] },
    }),
    Undo: sent({ change: { type: 'string', description: 'The value of a `Duly-Change` header.' } }, [
      'change',
    ]),
    Undone: closed({
      results: { type: 'array', items: itemSchema },
      change: { type: ['string', 'null'] },
    }),
  },
  routes: [history, undoRoute],
}
