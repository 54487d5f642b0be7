import { createHash } from 'node:crypto'
import { ifNoneMatch, isKnown } from '../http/conditional.ts'
import { sendJson } from '../http/json-reply.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { frontRoutes } from '../pages/front-page.ts'
import { docsRoutes } from './docs.ts'
import { problemRoutes } from './problem-pages.ts'

/** Descriptions of the API. @param document the OpenAPI document for the path of PUBLIC_URL */
export function documents(document: (base: string) => object): RouteModule {
  return {
    name: 'documents',
    about: 'What the API can do, for people and for programs. These calls need no token.',
    schemas: {},
    routes: [...frontRoutes, openApiRoute(document), ...docsRoutes, ...problemRoutes],
  }
}

/** Written once, at the first request. */
function openApiRoute(document: (base: string) => object): Route {
  let written: { json: string; etag: string } | undefined
  const write = (base: string) => {
    const json = JSON.stringify(document(base))
    return { json, etag: `"${createHash('sha256').update(json).digest('base64url').slice(0, 22)}"` }
  }
  return {
    method: 'GET',
    path: '/openapi.json',
    operation: {
      id: 'getOpenApi',
      summary: 'This document',
      description: 'Every route that is on, with what it takes and all that it can answer.',
      parameters: [ifNoneMatch],
      answers: {
        200: { description: 'OpenAPI 3.1.', schema: { type: 'object' } },
        304: { description: 'You have it already.' },
      },
    },
    handle(request, reply) {
      written ??= write(request.server.base)
      reply.headers({ etag: written.etag, 'cache-control': 'no-cache' })
      return isKnown(request, written.etag) ? reply.code(304).send() : sendJson(reply, written.json)
    },
  }
}
