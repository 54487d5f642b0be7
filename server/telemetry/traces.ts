import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Config } from '../config/config.ts'
import type { OnStatement } from '../db/database.ts'
import type { Log } from '../log.ts'
import { version } from '../version.ts'

/** Time limit for sending the last spans. */
const closeMs = 1000

type Options = NonNullable<Config['traces']>

/** The span of a request, until its response is sent. */
export interface RequestSpan {
  readonly traceId: string
  /** Value of the `traceresponse` header (W3C Trace Context, Level 2). */
  readonly traceResponse: string
  /** Runs `work` in this span: its database statements become child spans. */
  within<T>(work: () => T): T
  end(route: string, status: number): void
}

export interface Traces {
  /**
   * Begins a span, as a child of the span in the headers if there is one.
   * @param isTrusted whether to follow the caller's sampling decision; otherwise the configured
   * share decides
   */
  begin(
    method: string,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    isTrusted: boolean,
  ): RequestSpan
  readonly onStatement: OnStatement
  /** Sends the remaining spans. */
  close(): Promise<void>
}

/**
 * Spans of requests and their statements, sent in batches to a collector (OTLP over HTTP). They
 * contain names of routes and statements, never an address, a user or a value. While the collector
 * is unavailable, spans are lost; requests are not affected.
 */
export function openTraces({ url, headers, service, share }: Options, log: Log): Traces {
  const exporter = loggingChanges(new OTLPTraceExporter({ url: url.href, headers: { ...headers } }), log)
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer('duly', version)
  const propagator = new W3CTraceContextPropagator()
  const current = new AsyncLocalStorage<Context>()

  return {
    begin(method, sent, isTrusted) {
      const extracted = propagator.extract(ROOT_CONTEXT, sent, getter)
      const above = isTrusted ? extracted : decidedHere(extracted, share)
      const attributes = { 'http.request.method': method }
      const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, above)
      const here = trace.setSpan(above, span)
      const { traceId, spanId, traceFlags } = span.spanContext()
      return {
        traceId,
        traceResponse: `00-${traceId}-${spanId}-0${traceFlags & 1}`,
        within: work => current.run(here, work),
        end: (route, status) => endRequest(span, { method, route, status }),
      }
    },
    onStatement(name) {
      const above = current.getStore()
      // Background work belongs to no request.
      if (!above) return noEnd
      const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': name || 'unnamed' }
      const span = tracer.startSpan(name || 'unnamed', { kind: SpanKind.CLIENT, attributes }, above)
      return errorType => {
        if (errorType !== undefined) {
          span.setAttribute('error.type', errorType)
          span.setStatus({ code: SpanStatusCode.ERROR })
        }
        span.end()
      }
    },
    // Does not wait for an unavailable collector: the process is about to end.
    close: () =>
      Promise.race([provider.shutdown().catch(() => {}), pause(closeMs, undefined, { ref: false })]),
  }
}

const getter = {
  get: (carrier: unknown, key: string) => (carrier as Record<string, string | string[] | undefined>)[key],
  keys: (carrier: unknown) => Object.keys(carrier as object),
}

/**
 * Continues the caller's trace but decides sampling here, by a random number: an anonymous caller
 * could otherwise force sampling by the flag or by the trace id. Drops `tracestate`.
 */
function decidedHere(above: Context, share: number): Context {
  const parent = trace.getSpanContext(above)
  if (!parent) return above
  const { traceId, spanId } = parent
  const traceFlags = Math.random() < share ? TraceFlags.SAMPLED : TraceFlags.NONE
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

function noEnd(): void {}

function endRequest(
  span: Span,
  { method, route, status }: { method: string; route: string; status: number },
): void {
  span.updateName(`${method} ${route}`)
  span.setAttribute('http.route', route)
  span.setAttribute('http.response.status_code', status)
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}

/** Logs when sending spans starts to fail or works again; not the error, which may have headers. */
function loggingChanges(exporter: SpanExporter, log: Log): SpanExporter {
  let isMissed = false
  return {
    export(spans, done) {
      exporter.export(spans, result => {
        const failed = result.code !== 0
        if (failed && !isMissed) log.warn('cannot send traces to OTEL_EXPORTER_OTLP_ENDPOINT')
        if (!failed && isMissed) log.info('sending traces again')
        isMissed = failed
        done(result)
      })
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  }
}
