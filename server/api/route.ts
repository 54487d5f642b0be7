import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { Scope } from '../auth/access-tokens.ts'
import type { Context } from '../context.ts'
import { AppError } from '../errors.ts'
import type { Operation, Schema } from './operation.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One call of the API: its address, what the document says of it, and what it does. */
export interface Route {
  readonly method: Method
  /** As OpenAPI writes it: `/api/tasks/{id}`. */
  readonly path: string
  readonly operation: Operation
  /** What a personal access token needs for it: by its method, where nothing is said. `account`: no such token will do. */
  readonly scope?: Need
  /** Bytes that its body may have, where it needs more than others. */
  readonly bodyLimit?: number
  /** Answered for as long as the client reads: it takes no slot, and is counted as a stream instead of by its duration. */
  readonly kind?: 'stream'
  handle(request: FastifyRequest, reply: FastifyReply, context: Context): unknown
}

/** A scope of personal access tokens, or what none of them has. */
export type Need = Scope | 'account'

declare module 'fastify' {
  interface FastifyContextConfig {
    need?: Need
    isStream?: boolean
  }
}

/** Routes that belong together; a section of the document. */
export interface Family {
  readonly name: string
  readonly about: string
  /** What the operations refer to, by name. */
  readonly schemas: Readonly<Record<string, Schema>>
  readonly routes: readonly Route[]
}

const methods: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Binds routes to a scope. What a path does not offer is answered with 405 and `Allow` (RFC 9110, 15.5.6). */
export function bind(
  scope: FastifyInstance,
  routes: readonly Route[],
  options: (route: Route) => RouteShorthandOptions,
  answer: (route: Route, request: FastifyRequest, reply: FastifyReply) => unknown,
): void {
  const offered = new Map<string, Method[]>()
  for (const route of routes) {
    const url = route.path.replaceAll(/\{(\w+)\}/g, ':$1')
    offered.set(url, [...(offered.get(url) ?? []), route.method])
    scope.route({
      ...options(route),
      url,
      method: route.method,
      ...(route.bodyLimit === undefined ? {} : { bodyLimit: route.bodyLimit }),
      config: {
        need: route.scope ?? (route.method === 'GET' ? 'tasks:read' : 'tasks:write'),
        isStream: route.kind === 'stream',
      },
      handler: (request, reply) => answer(route, request, reply),
    })
  }
  for (const [url, known] of offered) refuseOthers(scope, url, known)
}

function refuseOthers(scope: FastifyInstance, url: string, offered: readonly Method[]): void {
  const allow = [...offered, ...(offered.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  scope.route({
    url,
    method: methods.filter(method => !offered.includes(method)),
    handler: (request, reply) => {
      reply.header('allow', allow)
      throw new AppError('method_not_allowed', `${request.method} is not possible here; ${allow} are.`)
    },
  })
}
