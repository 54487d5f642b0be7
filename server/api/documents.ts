import { createHash } from 'node:crypto'
import { sendJson } from './json-reply.ts'
import type { Family } from './route.ts'

/** `/openapi.json`, written once, when it is first asked for. @param document every route that is on */
export function documents(document: () => object): Family {
  let written: { json: string; etag: string } | undefined
  const write = () => {
    const json = JSON.stringify(document())
    return { json, etag: `"${createHash('sha256').update(json).digest('base64url').slice(0, 22)}"` }
  }
  return {
    name: 'documents',
    about: 'What the API can do. These calls need no token.',
    schemas: {},
    routes: [
      {
        method: 'GET',
        path: '/openapi.json',
        operation: {
          id: 'getOpenApi',
          summary: 'This document',
          description: 'Every route that is on, with what it takes and all that it can answer.',
          answers: { 200: { description: 'OpenAPI 3.1.', schema: { type: 'object' } } },
        },
        handle(_request, reply) {
          written ??= write()
          return sendJson(reply.header('etag', written.etag), written.json)
        },
      },
    ],
  }
}
