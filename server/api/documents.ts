import { createHash } from 'node:crypto'
import { docsRoutes } from './docs.ts'
import { sendJson } from './json-reply.ts'
import { problemRoutes } from './problem-pages.ts'
import type { Family, Route } from './route.ts'

/** What tells about the API. @param document every route that is on */
export function documents(document: () => object): Family {
  return {
    name: 'documents',
    about: 'What the API can do, for people and for programs. These calls need no token.',
    schemas: {},
    routes: [openApiRoute(document), ...docsRoutes, ...problemRoutes],
  }
}

/** Written once, when it is first asked for. */
function openApiRoute(document: () => object): Route {
  let written: { json: string; etag: string } | undefined
  const write = () => {
    const json = JSON.stringify(document())
    return { json, etag: `"${createHash('sha256').update(json).digest('base64url').slice(0, 22)}"` }
  }
  return {
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
      return sendJson(reply.headers({ etag: written.etag, 'cache-control': 'no-cache' }), written.json)
    },
  }
}
