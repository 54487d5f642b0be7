import type { AppError, FieldProblem } from '../errors.ts'
import { ref, type Schema } from '../openapi/operation.ts'
import { problems } from '../openapi/problems.ts'
import { closed } from '../openapi/schemas.ts'
import type { ErrorShape, Occurrence } from './error-reply.ts'

/** Errors as problem details (RFC 9457). `type` leads to a page about the code. */
export const problemShape: ErrorShape = {
  statuses: { not_json: 400 },
  errorMediaType: 'application/problem+json',
  errorSchema: ref('Problem'),
  errorBody: problemBody,
}

function problemBody({ code, message, problems: broken }: AppError, { status, base, path }: Occurrence) {
  return {
    type: `${base}/problems/${code}`,
    title: problems[code].title,
    status,
    detail: message,
    instance: base + path,
    code,
    ...(broken.length > 0 ? { errors: broken.map(place) } : {}),
  }
}

function place({ field, in: where, message }: FieldProblem) {
  if (where !== undefined) return { [where]: field, detail: message }
  return { pointer: field === '' ? '#' : `#/${field}`, detail: message }
}

export const problemSchemas: Readonly<Record<string, Schema>> = {
  Problem: {
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'instance', 'code'],
    properties: {
      type: { type: 'string', format: 'uri-reference', description: 'The URL of a page about the code.' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      instance: { type: 'string', description: 'The path of the request.' },
      code: { enum: Object.keys(problems) },
      errors: {
        type: 'array',
        items: ref('BrokenRule'),
        description: 'All errors of a request that is not valid.',
      },
      conflicts: {
        type: 'array',
        description: 'With `undo_conflict`: the items that keep the change from being undone.',
        items: {
          type: 'object',
          required: ['type', 'id', 'fields', 'reason'],
          properties: {
            type: { enum: ['task', 'list'] },
            id: { type: 'integer' },
            fields: { type: 'array', items: { type: 'string' } },
            reason: { type: 'string' },
            task: ref('Task'),
          },
          additionalProperties: false,
        },
      },
      task: {
        ...ref('Task'),
        description: 'The current task. With `precondition_failed`, if the token has the scope `tasks:read`.',
      },
    },
    additionalProperties: false,
  },
  BrokenRule: {
    description: 'One error, and where it is.',
    anyOf: [
      broken('pointer', 'The field of the body, as a JSON Pointer in a URI fragment (RFC 6901, 6).'),
      broken('query', 'The query parameter.'),
      broken('path', 'The path parameter.'),
      broken('header', 'The header.'),
    ],
  },
}

function broken(name: string, description: string): Schema {
  return closed({ [name]: { type: 'string', description }, detail: { type: 'string' } })
}
