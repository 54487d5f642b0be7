import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { Scope } from '../auth/identity.ts'
import type { Context } from '../context.ts'
import type { Operation, Schema } from '../openapi/operation.ts'

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
    /** The path as logs and metrics name it. */
    label?: string
  }
}

/** Routes that are registered together; a tag of the OpenAPI document. */
export interface RouteModule {
  readonly name: string
  readonly about: string
  /** What the operations refer to, by name. */
  readonly schemas: Readonly<Record<string, Schema>>
  readonly routes: readonly Route[]
}

/** First segments under `/api` that lead to routes of their own, and never to the user who is called so. */
const literal = '(?:v1|auth)'

/** Matches a decoded path that leads to a route's `path`. */
export function pathPattern(path: string): RegExp {
  const pattern = path
    .replaceAll('.', '\\.')
    .replaceAll('{user_id}', `(?!${literal}(?:/|$))[^/]+`)
    .replaceAll(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${pattern}/?$`)
}

/** Binds routes to a scope. */
export function bind(
  scope: FastifyInstance,
  routes: readonly Route[],
  options: (route: Route) => RouteShorthandOptions,
  answer: (route: Route, request: FastifyRequest, reply: FastifyReply) => unknown,
): void {
  for (const route of routes) {
    const label = route.path.replaceAll(/\{(\w+)\}/g, ':$1')
    scope.route({
      ...options(route),
      url: label.replace(':user_id', `:user_id(^(?!${literal}$).+$)`),
      method: route.method,
      ...(route.bodyLimit === undefined ? {} : { bodyLimit: route.bodyLimit }),
      config: {
        need: route.scope ?? (route.method === 'GET' ? 'tasks:read' : 'tasks:write'),
        isStream: route.kind === 'stream',
        label,
      },
      handler: (request, reply) => answer(route, request, reply),
    })
  }
}
