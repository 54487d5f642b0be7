import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import { errorAnswer, placeOf } from '../http/error-reply.ts'
import { mediaTypeOf, refuseOtherEncodings } from '../http/json-body.ts'
import { ownChanges } from '../http/own-changes.ts'
import { brokenQuery, queryFlag, queryText } from '../http/parameters.ts'
import { problemShape } from '../http/problem-reply.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { notValue } from '../quote.ts'
import { Import } from '../tasks/import/import.ts'
import { chunksOf } from './import-lines.ts'

// Import of what `GET /api/v1/export` returns as NDJSON.

const mediaTypes = ['application/x-ndjson', 'application/ndjson']

const importTasks: Route = {
  method: 'POST',
  path: '/api/v1/import',
  kind: 'stream',
  operation: {
    id: 'importTasks',
    audited: true,
    summary: 'Import an export',
    description:
      'Adds the lists and tasks of an export in NDJSON (`application/x-ndjson`), with everything but their ids and revisions. They are read in chunks; each chunk is one change. The answer is NDJSON too: a line for each chunk, with what was imported so far (behind a proxy, once all is read), the last one with `"done":true`. An error before the first of these lines is an error response; a later one is the last line, as `error`. Errors name the line and the field, such as `#/17/title`, and chunks before it stay. Send the whole file again with the same `import` to continue: a line that was imported is skipped.',
    parameters: [
      {
        name: 'import',
        in: 'query',
        description:
          'An id of your choice. Lines of an import with this id are imported once, for HISTORY_DAYS.',
        schema: { type: 'string', pattern: '^[\\w-]{1,64}$' },
        example: 'move-2026-12',
      },
      {
        name: 'dry_run',
        in: 'query',
        description: 'Whether the lines are only checked and nothing is stored.',
        schema: { enum: ['true', 'false'], default: 'false' },
      },
    ],
    body: {
      required: true,
      mediaTypes,
      schema: {
        type: 'object',
        required: ['id'],
        description: 'A line: a list, with `"type":"list"`, or a task.',
        additionalProperties: true,
      },
      examples: { task: { id: 7, title: 'Water the plants', position: 'a3' } },
    },
    fails: ['too_many_tasks', 'too_many_lists', 'storage_full'],
    answers: {
      200: {
        description: 'The progress, a line after each chunk.',
        mediaType: 'application/x-ndjson',
        schema: { type: 'string' },
      },
    },
  },
  async handle(request, reply, context) {
    const id = importId(request)
    const isDry = queryFlag(request, 'dry_run')
    refuseOtherEncodings(request)
    if (!mediaTypes.includes(mediaTypeOf(request)))
      throw new AppError('unsupported_media_type', `Send Content-Type: ${mediaTypes.join(' or ')}.`)
    const { streams } = context
    const body = streams.upload(request)
    const run = progressOf(request, body, new Import(ownChanges(request, context), id, isDry), work =>
      streams.turn(request, work),
    )
    // A failure before the first line becomes an error response.
    let next: IteratorResult<object, void>
    try {
      next = await run.next()
    } catch (error) {
      streams.endUpload(request)
      throw error
    }
    const lines = async function* () {
      const held: Buffer[] = []
      try {
        for (; !next.done; next = await run.next()) {
          held.push(asLine(next.value))
          if (!isProxied(request) || request.raw.complete) yield* held.splice(0)
        }
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        const { body: problem } = errorAnswer(problemShape, error, placeOf(request))
        yield* held.splice(0)
        yield asLine({ error: JSON.parse(problem) })
      } finally {
        streams.endUpload(request)
      }
    }
    reply.header('content-type', 'application/x-ndjson; charset=utf-8')
    return streams.untimed(lines())
  },
}

/** Proxies such as nginx stop sending a body once its response begins. */
const isProxied = ({ headers }: FastifyRequest): boolean =>
  [headers.via, headers.forwarded, headers['x-forwarded-for']].some(value => value !== undefined)

const asLine = (value: object) => Buffer.from(`${JSON.stringify(value)}\n`)

async function* progressOf(
  request: FastifyRequest,
  body: AsyncIterable<Buffer>,
  into: Import,
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
): AsyncGenerator<object, void, undefined> {
  const total = { lists: 0, tasks: 0, skipped: 0 }
  for await (const { lines, end, isLast } of chunksOf(body)) {
    if (request.raw.socket.destroyed) return
    const { lists, tasks, skipped } = await inTurn(() => into.add(lines, isLast))
    total.lists += lists
    total.tasks += tasks
    total.skipped += skipped
    yield { lines: end, ...total, done: isLast }
  }
}

/** Which import a request belongs to. @throws AppError `broken_rule` */
function importId(request: FastifyRequest): string {
  const id = queryText(request, 'import') ?? randomUUID()
  if (/^[\w-]{1,64}$/.test(id)) return id
  throw brokenQuery('import', `"import" must have 1 to 64 letters, digits, - or _${notValue(id)}.`)
}

export const importRoutes: RouteModule = {
  name: 'import',
  about: 'Import of exported lists and tasks.',
  schemas: {},
  readsBodies: true,
  routes: [importTasks],
}
