import type { FastifyRequest } from 'fastify'
import { isAccount, removeForeignUser } from '../accounts/users.ts'
import { wholeTaskForm } from '../contracts/task-json.ts'
import { AppError, brokenRules } from '../errors.ts'
import { preferred } from '../http/accept.ts'
import { ownLists } from '../http/own-tasks.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { notValue } from '../quote.ts'
import { tasks } from '../tasks/fields.ts'
import type { List } from '../tasks/list-fields.ts'
import { liveLists } from '../tasks/lists.ts'
import { PrintedTasks, type ReadyForm, ready } from '../tasks/printed-tasks.ts'
import { listJson } from './list-wire.ts'

// Export of all lists and tasks, and deletion of an account.

interface Format {
  readonly mediaType: string
  readonly head: string
  readonly form: ReadyForm
}

const formats: Readonly<Record<'ndjson' | 'csv', Format>> = {
  ndjson: {
    mediaType: 'application/x-ndjson',
    head: '',
    form: ready({
      ...wholeTaskForm,
      end: '}\n',
      between: '',
      escapesLineBreaks: true,
    }),
  },
  // RFC 4180. Texts that a spreadsheet takes for a formula are not changed: they are the user's.
  csv: {
    mediaType: 'text/csv',
    head: `${tasks.shown.join(',')}\r\n`,
    form: ready({
      parts: tasks.shown.map((field, n) => [n === 0 ? '' : ',', field] as const),
      end: '\r\n',
      between: '',
      noText: '',
      noValue: '',
      timeQuote: '',
      quotesJson: true,
      escaped: character => (character === '"' ? '""' : character),
    }),
  },
}

const accepted = {
  csv: ['text/csv', 'text/*'],
  ndjson: ['application/x-ndjson', 'application/ndjson', 'application/json', 'application/*', '*/*'],
}

const exportTasks: Route = {
  method: 'GET',
  path: '/api/v1/export',
  kind: 'stream',
  operation: {
    id: 'exportTasks',
    audited: true,
    summary: 'Export all your tasks',
    description:
      'Every task, newest first, streamed: one JSON object a line, or CSV (RFC 4180) with a header line. NDJSON begins with the lists, in their order, each with `"type":"list"`; `POST /api/v1/import` reads it. Texts are as you wrote them: a spreadsheet takes one that begins with `=`, `+`, `-` or `@` for a formula, so import such columns as text.',
    parameters: [
      {
        name: 'format',
        in: 'query',
        description: 'By default what Accept prefers, else NDJSON.',
        schema: { enum: Object.keys(formats) },
        example: 'csv',
      },
      {
        name: 'bom',
        in: 'query',
        description:
          '`true`: a CSV begins with a byte order mark, without which Excel does not read it as UTF-8.',
        schema: { type: 'boolean', default: false },
      },
    ],
    answers: {
      200: {
        description: 'The tasks.',
        mediaType: Object.values(formats).map(({ mediaType }) => mediaType),
        schema: { type: 'string' },
        headers: {
          'Content-Disposition': { description: 'A name for the file.', schema: { type: 'string' } },
        },
      },
    },
  },
  async handle(request, reply, { db, streams }) {
    const name = formatOf(request)
    const { mediaType, head, form } = formats[name]
    const mark = wantsMark(request) && name === 'csv' ? '\ufeff' : ''
    const lists = name === 'ndjson' ? listLines(await liveLists(db, request.userId)) : ''
    const list = new PrintedTasks(form, '', mark + head + lists)
    const batches = ownLists(request, { db }).batches(list)
    // A failure before the first line becomes an error response. A later one closes the connection.
    let { done } = await streams.turn(request, () => batches.next())
    const lines = async function* () {
      for (; !done; { done } = await batches.next()) yield list.take()
    }
    reply.headers({
      'content-type': `${mediaType}; charset=utf-8`,
      'content-disposition': `attachment; filename="tasks.${name}"`,
    })
    return streams.of(request, lines())
  },
}

const deleteAccount: Route = {
  method: 'DELETE',
  path: '/api/v1/account',
  scope: 'sign-in',
  operation: {
    id: 'removeAccount',
    audited: true,
    summary: 'Delete your account',
    description:
      'For users of other issuers: deletes all tasks, tokens and stored responses. Users with an account on this server use `POST /api/auth/delete-user`.',
    fails: ['account_elsewhere'],
    answers: { 204: { description: 'Everything is deleted.' } },
  },
  async handle(request, reply, { db, tokens }) {
    if (await isAccount(db, request.userId)) {
      throw new AppError(
        'account_elsewhere',
        'Remove your account with POST /api/auth/delete-user, which asks for your password.',
      )
    }
    await removeForeignUser(db, request.userId)
    tokens.recheck()
    return reply.code(204).send()
  },
}

export const exportAndDelete: RouteModule = {
  name: 'export and delete',
  about: 'Export all your tasks, and delete your account.',
  schemas: {},
  routes: [exportTasks, deleteAccount],
}

const listLines = (lists: readonly List[]) =>
  lists.map(list => `${escapeBreaks(`{"type":"list",${listJson(list).slice(1)}`)}\n`).join('')

/** Some programs end a line at these characters. */
const escapeBreaks = (json: string) =>
  json.replaceAll(
    /[\u0085\u2028\u2029]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

function formatOf(request: FastifyRequest): keyof typeof formats {
  const { format } = request.query as { format?: unknown }
  if (format === 'ndjson' || format === 'csv') return format
  if (format !== undefined)
    throw brokenRules([
      { field: 'format', in: 'query', message: `"format" must be ndjson or csv${notValue(format)}.` },
    ])
  return preferred(request.headers.accept, accepted, 'ndjson')
}

function wantsMark(request: FastifyRequest): boolean {
  const { bom = 'false' } = request.query as { bom?: unknown }
  if (bom === 'true' || bom === 'false') return bom === 'true'
  throw brokenRules([{ field: 'bom', in: 'query', message: `"bom" must be true or false${notValue(bom)}.` }])
}
