import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Scope } from '../auth/identity.ts'
import type { Context } from '../context.ts'
import type { Operation, PathParameter, Schema } from '../openapi/operation.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One operation of the API: its path, its description in the OpenAPI document, and its handler. */
export interface Route {
  readonly method: Method
  /** As in OpenAPI: `/api/tasks/{id}`. */
  readonly path: string
  readonly operation: Operation
  /** What a personal access token needs. By default `tasks:read` for GET, else `tasks:write`. */
  readonly scope?: Need
  /** Bytes of its body, if not the default limit. */
  readonly bodyLimit?: number
  /**
   * A stream lasts as long as the client reads. It takes no slot, and metrics count it as a stream
   * instead of its duration. A queued route takes no slot either: it waits in a bounded queue of
   * its own, which may be longer than there are slots.
   */
  readonly kind?: 'stream' | 'queued'
  /** Whether `?ticket=` is accepted instead of a token. */
  readonly acceptsTicket?: true
  handle(request: FastifyRequest, reply: FastifyReply, context: Context): unknown
}

/** A scope of personal access tokens, or `sign-in` for what none of them may do. */
type Need = Scope | 'sign-in'

declare module 'fastify' {
  interface FastifyContextConfig {
    need?: Need
    isStream?: boolean
    acceptsTicket?: boolean
    /** The path in logs and metrics. */
    label?: string
  }
}

/** Routes that are registered together; a tag of the OpenAPI document. */
export interface RouteModule {
  readonly name: string
  readonly about: string
  /** The schemas that its operations refer to, by name. */
  readonly schemas: Readonly<Record<string, Schema>>
  /** The parameters in the paths of its routes, by name. */
  readonly pathParameters?: Readonly<Record<string, PathParameter>>
  /** Whether its handlers read the bodies, at their own pace and without a limit of the size. */
  readonly readsBodies?: true
  readonly routes: readonly Route[]
}

/** First segments under `/api` that are never a user's id. */
const reserved = '(?:v1|auth)'

/** A route's path in the syntax of Fastify's router. */
export function routerPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    name === 'user_id' ? `:user_id(^(?!${reserved}$).+$)` : `:${name}`,
  )
}

/** Matches the decoded paths that the router would give to a route. */
export function pathPattern(path: string): RegExp {
  const pattern = path
    .replaceAll('.', '\\.')
    .replaceAll('{user_id}', `(?!${reserved}(?:/|$))[^/]+`)
    .replaceAll(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${pattern}/?$`)
}
