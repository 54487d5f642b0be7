import { schemaOf } from '../fields/schema.ts'
import { sendJson } from '../http/json-reply.ts'
import { readerOf } from '../http/own-tasks.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { closed, countSchema } from '../openapi/schemas.ts'
import { countsOf } from '../tasks/counts.ts'
import { tasks } from '../tasks/fields.ts'
import { settingsOf } from '../tasks/settings.ts'
import { countedUsage } from '../tasks/storage.ts'
import { timeZoneParameter } from './list-parameters.ts'
import { readZone } from './list-request.ts'

// Counts for a sidebar, and the used storage.

const about = (description: string) => ({ ...countSchema, description })

const counts: Route = {
  method: 'GET',
  path: '/api/v1/counts',
  operation: {
    id: 'getCounts',
    summary: 'Count your tasks',
    description:
      'Returns the number of open tasks in each list and by due date, with the same meaning as the filter `due` of the list of tasks.',
    parameters: [timeZoneParameter],
    answers: {
      200: {
        description: 'The counts.',
        schema: ref('Counts'),
        example: {
          inbox: 3,
          lists: [{ id: 7, open_task_count: 5 }],
          overdue: 1,
          today: 2,
          next_7_days: 4,
          trash: 0,
        },
      },
    },
  },
  async handle(request, reply, { db }) {
    const now = new Date().toISOString()
    const zone = readZone(request) ?? (await settingsOf(db, request.userId)).settings.time_zone
    const { lists, nextDays, ...others } = await countsOf(
      db,
      request.userId,
      { now, zone },
      readerOf(request),
    )
    const shown = lists.map(({ id, openTasks }) => ({ id, open_task_count: openTasks }))
    return sendJson(reply, JSON.stringify({ ...others, next_7_days: nextDays, lists: shown }))
  },
}

const usage: Route = {
  method: 'GET',
  path: '/api/v1/usage',
  operation: {
    id: 'getUsage',
    summary: 'Get your storage usage',
    description:
      'Returns the number of your tasks and the bytes that you use, with their limits (MAX_TASKS, MAX_STORAGE). At the limit of all bytes, the oldest trash and history are removed; only at the limit of the live bytes are writes rejected.',
    answers: {
      200: {
        description: 'Usage and limits.',
        schema: ref('Usage'),
        example: {
          task_count: 12,
          task_limit: 100_000,
          live_bytes: 5200,
          live_bytes_limit: 234_881_024,
          trash_bytes: 400,
          history_bytes: 3100,
          total_bytes: 8700,
          total_bytes_limit: 268_435_456,
        },
      },
    },
  },
  async handle(request, reply, { db, quota }) {
    const { tasks, live, trash, log, keys } = await countedUsage(db, request.userId)
    return sendJson(
      reply,
      JSON.stringify({
        task_count: tasks,
        task_limit: quota.tasks,
        live_bytes: live,
        live_bytes_limit: quota.liveBytes,
        trash_bytes: trash,
        history_bytes: log + keys,
        total_bytes: live + trash + log + keys,
        total_bytes_limit: quota.bytes,
      }),
    )
  },
}

export const countRoutes: RouteModule = {
  name: 'counts',
  about: 'Counts of tasks, and the storage usage.',
  schemas: {
    Counts: closed({
      inbox: about('Open tasks without a list.'),
      lists: {
        type: 'array',
        items: closed({ id: schemaOf(tasks.fields.id), open_task_count: countSchema }),
        description: 'All lists in their order, with the number of open tasks.',
      },
      overdue: about('Open tasks whose due date has passed. Archived lists do not count.'),
      today: about('Open tasks that are due today.'),
      next_7_days: about('Open tasks that are due today or in the six days after it.'),
      trash: about('Tasks and lists in the trash.'),
    }),
    Usage: closed({
      task_count: about('Tasks that are not in the trash.'),
      task_limit: countSchema,
      live_bytes: about('Bytes of the tasks and lists that are not in the trash.'),
      live_bytes_limit: countSchema,
      trash_bytes: countSchema,
      history_bytes: about('Bytes of the change log and of idempotency keys.'),
      total_bytes: countSchema,
      total_bytes_limit: countSchema,
    }),
  },
  routes: [counts, usage],
}
