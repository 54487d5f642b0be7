import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ContractOption } from '../config/contract.ts'
import type { Context } from '../context.ts'
import { sendJson, sendTasks } from '../http/json-reply.ts'
import { ownLists } from '../http/own-tasks.ts'
import type { Route } from '../http/route.ts'
import { type Parameter, ref, type Schema } from '../openapi/operation.ts'
import { closed, countSchema } from '../openapi/schemas.ts'
import type { ListKind } from './declaration.ts'
import type { LegacyTask } from './legacy-task.ts'
import {
  type ListRequest,
  listRequestParameters,
  type Paging,
  readListRequest,
  usualSize,
} from './list-request.ts'

export interface LegacyList {
  readonly schema: Schema
  readonly example: unknown
  readonly description: string
  readonly parameters: readonly Parameter[]
  readonly handle: Route['handle']
}

/** The facts about a list that a response can contain. */
interface Totals {
  readonly count: number
  readonly completed: number
  readonly window: { readonly offset: number; readonly limit: number }
  /** Number of tasks in this response. */
  readonly shown: number
}

const most = Number.MAX_SAFE_INTEGER
const longestPage = 1000

const pagings: Readonly<Record<ListKind, Paging>> = {
  bare: { most, isPaged: false },
  window: { most, isPaged: false, limit: true, skip: 'skip' },
  count: { most, isPaged: false },
  page: { most: longestPage, isPaged: true, limit: true, skip: 'offset' },
}

const whole = (name: string, description: string, schema: Schema): Parameter => ({
  name,
  in: 'query',
  description,
  schema: { type: 'integer', ...schema },
})
const limit = whole('limit', 'Maximum number of tasks. Default: all.', { minimum: 1, maximum: most })
const skip = { minimum: 0, maximum: most, default: 0 }

const parameters: Readonly<Record<ListKind, readonly Parameter[]>> = {
  bare: [],
  window: [whole('skip', 'Number of tasks to skip.', skip), limit],
  count: [],
  page: [
    whole('limit', 'Maximum number of tasks.', {
      minimum: 1,
      maximum: longestPage,
      default: usualSize,
    }),
    whole('offset', 'Number of tasks to skip.', skip),
  ],
}

/** How a contract lists tasks. */
export function legacyList(
  kind: ListKind,
  tasks: LegacyTask,
  options: readonly ContractOption[],
): LegacyList {
  const isBare = kind === 'bare' || kind === 'window' || options.includes('bare-list')
  const isWhole = kind !== 'page' || options.includes('whole-list') || options.includes('bare-list')
  const hasCounts = options.includes('counts') && !isBare
  const members = isBare ? [] : membersOf(kind, hasCounts)
  const tail = (totals: Totals) =>
    isBare ? ']' : `],${members.map(([name, of]) => `"${name}":${of(totals)}`).join()}}`
  const items = { type: 'array', items: ref(`${tasks.prefix}Task`) }
  const example = { count: 1, completed: 0, window: { offset: 0, limit: usualSize }, shown: 1 }
  return {
    schema: isBare
      ? items
      : closed({
          tasks: items,
          ...Object.fromEntries(
            members.map(([name]) => [name, name === 'has_more' ? { type: 'boolean' } : countSchema]),
          ),
        }),
    example: JSON.parse(`${isBare ? '[' : '{"tasks":['}${JSON.stringify(tasks.example)}${tail(example)}`),
    description: isWhole
      ? 'All tasks, newest first, or those that the parameters select.'
      : 'One page, newest first, with the number of all tasks.',
    parameters: [...parameters[kind], ...listRequestParameters(tasks.completed)],
    handle(request, reply, context) {
      const asked = readListRequest(request, tasks.completed, pagings[kind])
      const page = { offset: 0, limit: usualSize }
      const window = asked.window ?? (isWhole ? undefined : page)
      const mayStopShort = !asked.window && !isWhole && request.headers.origin !== undefined
      const list = tasks.print(request, isBare ? '[' : '{"tasks":[')
      const end = (totals: Totals) => {
        if (mayStopShort && totals.shown < totals.count) context.hints.give('whole list')
        return tail(totals)
      }
      const print = { list, tail: end, needsCount: !isBare, hasCounts }
      return sendList(request, reply, context, { ...asked, window }, print)
    },
  }
}

type Member = readonly [name: string, of: (totals: Totals) => number | boolean]

function membersOf(kind: ListKind, hasCounts: boolean): readonly Member[] {
  const count: Member = ['count', totals => totals.count]
  const counts: readonly Member[] = hasCounts
    ? [
        ['completed_count', totals => totals.completed],
        ['pending_count', totals => totals.count - totals.completed],
      ]
    : []
  if (kind !== 'page') return [count, ...counts]
  return [
    ['total', totals => totals.count],
    count,
    ['limit', totals => totals.window.limit],
    ['offset', totals => totals.window.offset],
    ['has_more', ({ window, shown, count }) => window.offset + shown < count],
    ...counts,
  ]
}

interface Print {
  readonly list: ReturnType<LegacyTask['print']>
  readonly tail: (totals: Totals) => string
  readonly needsCount: boolean
  readonly hasCounts: boolean
}

/**
 * Sends a list in the cheapest way: in the order of the index, unless filters, an order or counters
 * require reading every task.
 */
async function sendList(
  request: FastifyRequest,
  reply: FastifyReply,
  context: Context,
  { filters, sort, window }: ListRequest,
  { list, tail, needsCount, hasCounts }: Print,
) {
  const own = ownLists(request, context)
  const range = window && { skip: window.offset, limit: window.limit }
  if (Object.keys(filters).length > 0 || sort !== '-created_at' || hasCounts) {
    const { count, completed, batches } = await own.select({ ...filters, sort }, list, range)
    const totals = { count, completed, window: window ?? { offset: 0, limit: count } }
    return sendTasks(request, reply, context, list, batches, shown => tail({ ...totals, shown }))
  }
  if (window && needsCount) {
    const count = await own.page(window.limit, window.offset, list)
    return sendJson(reply, list.take(tail({ count, completed: 0, window, shown: list.count })))
  }
  return sendTasks(request, reply, context, list, own.batches(list, range), shown =>
    tail({ count: shown, completed: 0, window: { offset: 0, limit: shown }, shown }),
  )
}
