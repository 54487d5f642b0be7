import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { Context } from '../context.ts'
import type { RequestSpan, Traces } from '../telemetry/traces.ts'
import { afterEarlierRequests } from './pipelining.ts'
import { rejectionOfHead } from './request-head.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined if requests are not traced. */
    span: RequestSpan | undefined
  }
}

/**
 * Adds the first hook of every request: it waits for earlier requests on the connection, sets the
 * headers of every response, begins the span, and rejects an invalid request head.
 * @param headers of every response
 */
export function receiveRequests(
  app: FastifyInstance,
  { lifecycle, telemetry }: Pick<Context, 'lifecycle' | 'telemetry'>,
  headers: Readonly<Record<string, string>>,
): void {
  app.decorateRequest('userId', '')
  app.decorateRequest('grant', undefined)
  app.decorateRequest('isRejected', false)
  app.decorateRequest('auditFacts', undefined)
  app.decorateRequest('span', undefined)
  app.decorateRequest('json', undefined)
  const constant = Object.entries(headers)
  const { traces } = telemetry
  const receive = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => {
    for (const [name, value] of constant) reply.header(name, value)
    reply.header('x-request-id', request.id)
    if (lifecycle.stopping.aborted) reply.header('connection', 'close')
    const rejection = rejectionOfHead(request.raw)
    if (!traces) return done(rejection)
    beginSpan(traces, request, reply).within(() => done(rejection))
  }
  // Without a listener, Node answers an unknown `Expect` with 417 and no body.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.addHook('onRequest', (request, reply, done) => {
    // Node gives the socket to one response after the other.
    if (reply.raw.socket !== null) receive(request, reply, done)
    else afterEarlierRequests(request, reply, () => receive(request, reply, done))
  })
}

function beginSpan(traces: Traces, request: FastifyRequest, reply: FastifyReply): RequestSpan {
  // `ips` has more than one address only behind a proxy of TRUST_PROXY.
  const isTrusted = request.headers.traceparent !== undefined && (request.ips?.length ?? 0) > 1
  const span = traces.begin(request.method, request.headers, isTrusted)
  request.span = span
  reply.header('traceresponse', span.traceResponse)
  return span
}
