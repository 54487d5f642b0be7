import { createHash } from 'node:crypto'
import { ifNoneMatch, isKnown } from '../http/conditional.ts'
import { sendJson } from '../http/json-reply.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { frontRoutes } from '../pages/front-page.ts'
import { docsRoutes } from './docs.ts'
import { problemRoutes } from './problem-pages.ts'
import { problems } from './problems.ts'

/** Documentation of the API. @param document the OpenAPI document for the path of PUBLIC_URL */
export function documents(document: (base: string) => object): RouteModule {
  return {
    name: 'documents',
    about: 'Documentation of the API. These calls need no token.',
    schemas: {},
    pathParameters: {
      file: { description: 'The name of the file.', schema: { type: 'string' }, example: 'docs.js' },
      code: {
        description: 'The code of the problem.',
        schema: { enum: Object.keys(problems) },
        example: 'broken_rule',
      },
    },
    routes: [...frontRoutes, openApiRoute(document), ...docsRoutes, ...problemRoutes],
  }
}

/**
 * The document is written and encoded once, at the first request: to encode 1.5 MB again for each
 * takes 10 ms of CPU time.
 */
function openApiRoute(document: (base: string) => object): Route {
  let written: { bytes: Buffer; etag: string } | undefined
  const write = (base: string) => {
    const bytes = Buffer.from(JSON.stringify(document(base)))
    return { bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` }
  }
  return {
    method: 'GET',
    path: '/openapi.json',
    operation: {
      id: 'getOpenApi',
      summary: 'Get the OpenAPI document',
      description: 'All routes that are enabled, with their parameters, bodies and responses.',
      parameters: [ifNoneMatch],
      answers: {
        200: { description: 'OpenAPI 3.1.', schema: { type: 'object' } },
        304: { description: 'Not modified.' },
      },
    },
    handle(request, reply) {
      written ??= write(request.server.base)
      reply.headers({ etag: written.etag, 'cache-control': 'no-cache' })
      return isKnown(request, written.etag) ? reply.code(304).send() : sendJson(reply, written.bytes)
    },
  }
}
