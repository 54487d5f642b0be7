import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { callAt, newUser, type Served, served } from './served.ts'

// Ids of requests, and traces as a collector receives them.

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[]
}

interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[]
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`

describe('the id of a request', () => {
  let api: Served
  before(async () => {
    api = await served()
  })
  after(() => api.close())
  const lineOf = (id: string) => api.lines.find(({ reqId, msg }) => reqId === id && msg === 'request')

  it('is taken from the client, and in the response and the log', async () => {
    const { headers } = await api.call('GET', '/livez', { headers: { 'x-request-id': 'order-7/try=2' } })
    assert.equal(headers.get('x-request-id'), 'order-7/try=2')
    assert.equal(lineOf('order-7/try=2')?.route, '/livez')
  })

  it('is generated if the client sends none, or an invalid one', async () => {
    const seen = new Set<string>()
    for (const sent of [undefined, '', 'two words', 'a"b', '<script>', 'ä', 'x'.repeat(129)]) {
      const { headers } = await api.call(
        'GET',
        '/livez',
        sent === undefined ? {} : { headers: { 'x-request-id': sent } },
      )
      const id = headers.get('x-request-id') ?? ''
      assert.match(id, /^[\da-f]{8}-[\da-z]+$/)
      seen.add(id)
    }
    assert.equal(seen.size, 7)
  })

  it('is also in error responses', async () => {
    const { status, headers } = await api.call('GET', '/api/tasks', { headers: { 'x-request-id': 'mine' } })
    assert.deepEqual([status, headers.get('x-request-id')], [401, 'mine'])
  })

  it('is logged with the trace id of the client', async () => {
    await api.call('GET', '/problems', { headers: { 'x-request-id': 'traced', traceparent } })
    assert.equal(lineOf('traced')?.trace, traceId)
    for (const [n, header] of [
      'nonsense',
      traceparent.replace(traceId, '0'.repeat(32)),
      `ff${traceparent.slice(2)}`,
    ].entries()) {
      await api.call('GET', '/problems', {
        headers: { 'x-request-id': `untraced-${n}`, traceparent: header },
      })
      assert.deepEqual(
        [lineOf(`untraced-${n}`)?.route, lineOf(`untraced-${n}`)?.trace],
        ['/problems', undefined],
      )
    }
  })
})

describe('traces', () => {
  let collector: Server
  let api: Served
  const got: { path: string | undefined; authorization: string | undefined; spans: Span[] }[] = []
  const spans = () => got.flatMap(batch => batch.spans)
  const attribute = (span: Span | undefined, key: string) =>
    Object.values(span?.attributes.find(found => found.key === key)?.value ?? {})[0]

  before(async () => {
    collector = createServer(async (request, reply) => {
      const { resourceSpans } = JSON.parse(await text(request)) as Export
      const received = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(scope => scope.spans))
      got.push({ path: request.url, authorization: request.headers.authorization, spans: received })
      reply.setHeader('content-type', 'application/json').end('{}')
    })
    await new Promise<void>(resolve => collector.listen(0, '127.0.0.1', resolve))
    api = await served({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/otlp/`,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20for-the-collector',
      OTEL_TRACES_SAMPLER_ARG: '0',
      TRUST_PROXY: 'loopback',
    })
  })
  after(() => {
    collector.close()
    collector.closeAllConnections()
  })

  it('continue the client’s trace, with a span for each statement below the request', async () => {
    const user = newUser()
    const { headers } = await api.call('POST', '/api/tasks', {
      user,
      json: { title: 'Water the plants' },
      headers: { traceparent, 'x-forwarded-for': '192.0.2.1' },
    })
    // Some of these statements wait for others, and are sent with them.
    const together = Array.from({ length: 30 }, () => ({
      ...{ user: newUser(), json: { title: 'Feed the cat' } },
      headers: { traceparent, 'x-forwarded-for': '192.0.2.1' },
    }))
    await Promise.all(together.map(one => api.call('POST', '/api/tasks', one)))
    // None is sampled: no trusted proxy names the client, or the header is malformed.
    for (const sent of [
      { traceparent },
      { traceparent, tracestate: `a=${'x'.repeat(5000)}`, baggage: `a=${'x'.repeat(5000)}` },
      { traceparent: `${traceparent}, ${traceparent}`, 'x-forwarded-for': '192.0.2.1' },
      { traceparent: 'nonsense', 'x-forwarded-for': '192.0.2.1' },
    ]) {
      const answer = await api.call('GET', '/livez', { headers: sent })
      assert.match(answer.headers.get('traceresponse') ?? '', /-00$/, JSON.stringify(sent).slice(0, 99))
    }
    // Exports all spans; those of one request may be in different batches, in any order.
    await api.close()
    const named = (name: string) => spans().filter(span => span.name === name)
    const hasCome = (name: string) => named(name).length > together.length
    for (let n = 0; n < 500 && !(hasCome('duly_create') && hasCome('POST /api/tasks')); n += 1)
      await pause(20)
    const parents = named('duly_create').map(({ parentSpanId }) => parentSpanId)
    const requests = named('POST /api/tasks').map(({ spanId }) => spanId)
    assert.deepEqual(parents.sort(), requests.sort())
    assert.deepEqual(
      spans().filter(({ name }) => name === 'GET /livez'),
      [],
    )
    const request = spans().find(({ spanId }) => headers.get('traceresponse')?.includes(spanId))
    assert.deepEqual(
      [request?.traceId, request?.parentSpanId, request?.kind],
      [traceId, traceparent.split('-')[2], 2],
    )
    assert.equal(headers.get('traceresponse'), `00-${traceId}-${request?.spanId}-01`)
    assert.equal(Number(attribute(request, 'http.response.status_code')), 201)
    const statement = spans().find(({ parentSpanId }) => parentSpanId === request?.spanId)
    assert.deepEqual([statement?.traceId, statement?.parentSpanId], [traceId, request?.spanId])
    assert.equal(attribute(statement, 'db.system.name'), 'postgresql')
    // The spans contain no data of users.
    assert.ok(!JSON.stringify(got).includes(user) && !JSON.stringify(got).includes('Water'))
    assert.deepEqual([got[0]?.path, got[0]?.authorization], ['/otlp/v1/traces', 'Bearer for-the-collector'])
  })
})

describe('an unavailable collector', () => {
  const listen = async (status: number): Promise<Server> => {
    const server = createServer((_request, reply) => reply.writeHead(status).end())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return server
  }

  it('affects no response, and is logged once', async () => {
    const collector = await listen(400)
    const { port } = collector.address() as AddressInfo
    const api = await served({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })
    const user = newUser()
    for (let n = 0; n < 3; n += 1) {
      assert.equal((await callAt(api.server.url, 'GET', '/api/tasks', { user })).status, 200)
    }
    await api.close()
    const said = api.lines.filter(({ msg }) => msg === 'cannot send traces to OTEL_EXPORTER_OTLP_ENDPOINT')
    assert.equal(said.length, 1)
    collector.close()
  })

  it('does not delay the shutdown', async () => {
    const collector = await listen(503)
    const { port } = collector.address() as AddressInfo
    const api = await served({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })
    assert.equal((await callAt(api.server.url, 'GET', '/livez')).status, 200)
    await api.close()
    collector.close()
    collector.closeAllConnections()
  })
})
