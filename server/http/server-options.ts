import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { BuildCompilerFromPool } from '@fastify/ajv-compiler'
import type { FastifyBaseLogger, FastifyHttpOptions } from 'fastify'
import type { Context } from '../context.ts'
import { answerError, type ErrorShape } from './error-reply.ts'
import { targetOf } from './request-head.ts'
import { requestIds } from './request-id.ts'
import { RequestLog } from './request-log.ts'
import { largestHead, longestBody } from './request-size.ts'
import { answerUnreadable } from './unreadable-request.ts'

interface Answers {
  readonly shapeOf: (path: string) => ErrorShape
  /** Headers of every response. */
  readonly headers: Readonly<Record<string, string>>
  /** The path of PUBLIC_URL. */
  readonly base: string
}

/** How Fastify reads requests and logs them, and how it responds to requests that reach no hook. */
export function serverOptions(
  { config, log }: Pick<Context, 'config' | 'log'>,
  { shapeOf, headers, base }: Answers,
): FastifyHttpOptions<Server> {
  return {
    loggerInstance: log as FastifyBaseLogger,
    // Lines that need the request's id have it. A child logger costs more than the line it writes.
    childLoggerFactory: logger => logger,
    logController: new RequestLog(log),
    genReqId: requestIds(),
    requestIdHeader: false,
    bodyLimit: longestBody,
    // A connection that exceeds a time limit is closed, with 408 if a response is possible. Headers
    // and body: at least 6 KB a second for the longest body.
    requestTimeout: 20_000,
    // Without a byte in either direction. Every statement times out before.
    connectionTimeout: 30_000,
    // Most proxies close idle connections after a minute. The server must not close them first.
    keepAliveTimeout: 72_000,
    http: {
      headersTimeout: 10_000,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: largestHead,
      // A missing Host is rejected in request-head.ts, in the error shape of the path.
      requireHostHeader: false,
    },
    rewriteUrl: targetOf(base),
    // At shutdown, requests on open connections are answered before the connection is closed.
    return503OnClosing: false,
    trustProxy: trustProxyOf(config.trustProxy),
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    schemaController: { compilersFactory: { buildValidator: lateValidator, buildSerializer: noSerializer } },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    clientErrorHandler: answerUnreadable(shapeOf, headers, base),
    frameworkErrors: (error, request, reply) => {
      // No hook has run, so a pipelined request has not waited for those before it.
      if (reply.raw.socket === null) request.raw.socket.destroy()
      else answerError(shapeOf)(error, request, reply.headers(headers) as never)
    },
  }
}

/** Loads the schema compiler for the first sign-up or sign-in. It takes a third of a start. */
const lateValidator: BuildCompilerFromPool = (...given) => {
  const compiler = createRequire(import.meta.url)(
    '@fastify/ajv-compiler',
  ) as typeof import('@fastify/ajv-compiler')
  return compiler.default()(...given)
}

function noSerializer(): never {
  throw new Error('Routes have no response schemas: contracts write the JSON.')
}

/** Whose `X-Forwarded-For` is trusted. */
function trustProxyOf(
  trusted: Context['config']['trustProxy'],
): false | string[] | ((address: string, hop: number) => boolean) {
  if (typeof trusted !== 'number') return [...trusted]
  return trusted === 0 ? false : (_address, hop) => hop < trusted
}
