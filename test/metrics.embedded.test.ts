import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { parser } from '@prometheus-io/lezer-promql'
import { parse } from 'yaml'
import { callAt, newUser, type Served, served } from './served.ts'

// Compares /metrics with the metrics that the documentation, the dashboard and the alerts name.

const root = new URL('../../', import.meta.url)
const token = 'a token for Prometheus alone'.replaceAll(' ', '-')

/** One line of the text format: a name with labels, and a number. */
interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

function samplesOf(text: string): Sample[] {
  return text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => {
      const [, name = '', labels = '', value = ''] =
        /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line)
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])
      return { name, labels: Object.fromEntries(pairs), value: Number(value) }
    })
}

function sumOf(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number {
  const fitting = samples.filter(
    sample =>
      sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )
  return fitting.reduce((sum, { value }) => sum + value, 0)
}

describe('/metrics on its own port', () => {
  let api: Served
  let url: string
  const read = async () => samplesOf((await callAt(url, 'GET', '/metrics')).text)
  before(async () => {
    api = await served({ METRICS_PORT: '0', RATE_LIMIT: '1/5' })
    const said = api.lines.find(({ msg }) => String(msg).startsWith('metrics on '))
    url = new URL(/http:\S+/.exec(String(said?.msg))?.[0] ?? '').origin
  })
  after(() => api.close())

  it('counts requests by the pattern of their route, not by paths from clients', async () => {
    const user = newUser()
    await api.call('POST', '/api/tasks', { user, json: { title: 'Water the plants' } })
    await api.call('GET', `/api/${user}/tasks`, { user })
    await api.call('GET', '/api/tasks')
    await callAt(api.server.url, 'GET', '/made/up')
    const samples = await read()
    const count = (method: string, route: string, status: string) =>
      sumOf(samples, 'http_server_request_duration_seconds_count', {
        http_request_method: method,
        http_route: route,
        http_response_status_code: status,
      })
    assert.equal(count('POST', '/api/tasks', '201'), 1)
    assert.equal(count('GET', '/api/:user_id/tasks', '200'), 1)
    assert.equal(count('GET', '/api/tasks', '401'), 1)
    assert.equal(count('GET', 'none', '404'), 1)
    assert.ok(!JSON.stringify(samples).includes(user) && !JSON.stringify(samples).includes('made'))
  })

  it('counts statements by name, and failed ones by SQLSTATE', async () => {
    const samples = await read()
    const create = { db_operation_name: 'duly_create', error_type: '' }
    assert.equal(sumOf(samples, 'db_client_operation_duration_seconds_count', create), 1)
    await assert.rejects(api.server.db.query({ name: 'broken', text: 'select 1 / 0' }))
    const broken = { db_operation_name: 'broken', error_type: '22012' }
    assert.equal(sumOf(await read(), 'db_client_operation_duration_seconds_count', broken), 1)
  })

  it('reports sessions, rejected requests and revocations', async () => {
    const user = newUser()
    for (let n = 0; n < 7; n += 1) await api.call('GET', '/api/tasks', { user })
    const { body } = await api.call('POST', '/api/v1/tokens', {
      user: newUser(),
      json: { name: 'a', scopes: ['tasks:read'] },
    })
    assert.equal(typeof body.token, 'string')
    const samples = await read()
    assert.equal(sumOf(samples, 'db_client_connection_max'), 1)
    assert.equal(sumOf(samples, 'db_client_connection_count'), 1)
    assert.ok(sumOf(samples, 'duly_rate_limited_total', { by: 'user' }) >= 1)
    assert.equal(sumOf(samples, 'duly_rate_limited_total', { by: 'address' }), 0)
    assert.ok(sumOf(samples, 'duly_revocations_age_seconds') >= 0)
    assert.equal(sumOf(samples, 'duly_info', { contract: 'task-api', database: 'embedded' }), 1)
    assert.equal(sumOf(samples, 'duly_connections') > 0, true)
  })

  it('is not on the port of the API, and its port serves nothing else', async () => {
    assert.equal((await callAt(api.server.url, 'GET', '/metrics')).status, 404)
    for (const path of ['/', '/api/tasks', '/metrics/', '/health']) {
      assert.equal((await callAt(url, 'GET', path)).status, 404)
    }
    assert.equal((await callAt(url, 'POST', '/metrics')).status, 405)
  })

  it('contains the metrics that the documentation, the dashboard and the alerts name', async () => {
    const text = (await callAt(url, 'GET', '/metrics')).text
    const families = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name ?? '')
    // Only with REDIS_URL.
    const known = new Set([...families, 'duly_rate_limit_shared'])
    const page = readFileSync(new URL('docs/monitoring.md', root), 'utf8')
    const own = [...known].filter(name => /^(duly|http|db)_/.test(name))
    for (const name of own) assert.ok(page.includes(`\`${name}\``), `docs/monitoring.md lacks ${name}`)
    for (const [, name = ''] of page.matchAll(/^\| `(\w+_\w+)`/gm)) {
      assert.ok(known.has(name), `docs/monitoring.md has an unknown metric ${name}`)
    }
    for (const expression of [...dashboardExpressions(), ...alertExpressions()]) {
      const tree = parser.parse(expression)
      let errors = 0
      const names: string[] = []
      tree.iterate({
        enter: node => {
          if (node.type.isError) errors += 1
          if (node.name === 'Identifier' && node.node.parent?.name === 'VectorSelector')
            names.push(expression.slice(node.from, node.to))
        },
      })
      assert.equal(errors, 0, `not PromQL: ${expression}`)
      assert.ok(names.length > 0, expression)
      for (const name of names) {
        const family = name.replace(/_(bucket|count|sum)$/, '')
        assert.ok(known.has(name) || known.has(family) || name === 'up', `${name} is not at /metrics`)
      }
    }
  })
})

function dashboardExpressions(): string[] {
  const { panels } = JSON.parse(readFileSync(new URL('deploy/grafana/duly.json', root), 'utf8')) as {
    panels: { title: string; targets?: { expr: string }[] }[]
  }
  assert.ok(panels.length > 5)
  return panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*')),
  )
}

function alertExpressions(): string[] {
  const { groups } = parse(readFileSync(new URL('deploy/prometheus/alerts.yml', root), 'utf8')) as {
    groups: {
      rules: { alert: string; expr: string; annotations: { summary: string; description: string } }[]
    }[]
  }
  const rules = groups.flatMap(group => group.rules)
  assert.ok(rules.length > 5)
  for (const { alert, annotations } of rules) {
    assert.match(alert, /^Duly[A-Z]\w+$/)
    assert.ok(annotations.summary && annotations.description, alert)
  }
  return rules.map(({ expr }) => expr)
}

describe('METRICS_TOKEN', () => {
  it('enables /metrics on the port of the API, for this token only', async () => {
    const api = await served({ METRICS_TOKEN: token })
    try {
      const { url } = api.server
      const user = newUser()
      const statuses = [
        (await callAt(url, 'GET', '/metrics')).status,
        (await callAt(url, 'GET', '/metrics', { user })).status,
        (await callAt(url, 'GET', '/metrics', { token: `${token}x` })).status,
        (await callAt(url, 'GET', `/metrics?token=${token}`)).status,
        (await callAt(url, 'GET', '/metrics', { token })).status,
        (await callAt(url, 'GET', '/api/tasks', { token })).status,
      ]
      assert.deepEqual(statuses, [401, 401, 401, 401, 200, 401])
      const { headers } = await callAt(url, 'GET', '/metrics', { token })
      assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
      assert.equal(headers.get('cache-control'), 'no-store')
      assert.ok((await api.call('GET', '/openapi.json')).body.paths['/metrics'])
    } finally {
      await api.close()
    }
  })

  it('is also required on the port for metrics', async () => {
    const api = await served({ METRICS_TOKEN: token, METRICS_PORT: '0' })
    try {
      const said = api.lines.find(({ msg }) => String(msg).startsWith('metrics on '))
      const url = new URL(/http:\S+/.exec(String(said?.msg))?.[0] ?? '').origin
      const asked = await callAt(url, 'GET', '/metrics')
      assert.deepEqual([asked.status, asked.headers.get('www-authenticate')], [401, 'Bearer'])
      assert.equal((await callAt(url, 'GET', '/metrics', { token })).status, 200)
      assert.equal((await callAt(api.server.url, 'GET', '/metrics', { token })).status, 404)
    } finally {
      await api.close()
    }
  })

  it('and METRICS_PORT are unset by default, so there are no metrics', async () => {
    const api = await served()
    try {
      assert.equal((await callAt(api.server.url, 'GET', '/metrics')).status, 404)
    } finally {
      await api.close()
    }
  })
})
