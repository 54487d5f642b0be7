import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { AppError } from '../errors.ts'
import { ifNoneMatch, isKnown } from '../http/conditional.ts'
import type { Route } from '../http/route.ts'
import { pageHeaders } from '../http/security-headers.ts'
import { page, script, style } from './docs-page.ts'

// The page that shows /openapi.json: Swagger UI. The build copies its files next to this one.
// Nothing is loaded from other servers.

const headers = {
  ...pageHeaders(["script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"]),
  'cache-control': 'no-cache',
}

interface File {
  readonly bytes: Buffer
  readonly headers: Readonly<Record<string, string>> & { readonly etag: string }
}

/** A file that is read and hashed at the first request. All responses share its bytes. */
function file(type: 'text/css' | 'text/javascript', read: () => Promise<Buffer>): () => Promise<File> {
  let made: Promise<File> | undefined
  const make = async () => {
    const bytes = await read()
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
    return { bytes, headers: { ...headers, etag, 'content-type': `${type}; charset=utf-8` } }
  }
  return () => {
    made ??= make().catch(error => {
      made = undefined
      throw error
    })
    return made
  }
}

const fromPackage = (name: string) => () => readFile(new URL(`./swagger-ui/${name}`, import.meta.url))

const files: Readonly<Record<string, () => Promise<File>>> = {
  'swagger-ui.css': file('text/css', fromPackage('swagger-ui.css')),
  'swagger-ui-bundle.js': file('text/javascript', fromPackage('swagger-ui-bundle.js')),
  'docs.css': file('text/css', async () => Buffer.from(style)),
  'docs.js': file('text/javascript', async () => Buffer.from(script)),
}

export const docsRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/docs',
    operation: {
      id: 'showDocs',
      summary: 'Show the documentation',
      description: 'Sign in on the page, or enter a token at "Authorize". "Execute" then calls this server.',
      answers: { 200: { description: 'The page.', mediaType: 'text/html', schema: { type: 'string' } } },
    },
    handle(request, reply) {
      return reply
        .headers(headers)
        .header('content-type', 'text/html; charset=utf-8')
        .send(page(request.server.base))
    },
  },
  {
    method: 'GET',
    path: '/docs/{file}',
    operation: {
      id: 'getDocsFile',
      summary: 'Get a file of the documentation',
      description: 'A style sheet or a script.',
      parameters: [ifNoneMatch],
      fails: ['route_not_found'],
      answers: {
        200: {
          description: 'The file.',
          mediaType: ['text/css', 'text/javascript'],
          schema: { type: 'string' },
        },
        304: { description: 'Not modified.' },
      },
    },
    async handle(request, reply) {
      const { file: name } = request.params as { file: string }
      const find = Object.hasOwn(files, name) ? files[name] : undefined
      if (!find) throw new AppError('route_not_found', `There is no file "${name}".`)
      const { bytes, headers: told } = await find()
      reply.headers(told)
      return isKnown(request, told.etag) ? reply.code(304).send() : reply.send(bytes)
    },
  },
]
