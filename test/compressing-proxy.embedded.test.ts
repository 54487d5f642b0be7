import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Nginx, startNginx } from './nginx.ts'
import { freePort } from './postgres-server.ts'
import { callAt, newUser, type Served, served } from './served.ts'

// nginx with `gzip on` makes every entity tag weak.

let api: Served
let nginx: Nginx
before(async () => {
  api = await served()
  const gzip = 'gzip on; gzip_proxied any; gzip_min_length 0; gzip_types application/json;'
  nginx = await startNginx(await freePort(), [Number(new URL(api.server.url).port)], {
    example: 'sub-path.conf',
    change: conf =>
      conf.replace('server_tokens off;', gzip).replaceAll('/duly/', '/').replace('= /duly', '= /x'),
  })
})
after(async () => {
  await nginx.stop()
  await api.close()
})

describe('behind an nginx that compresses', () => {
  const path = '/api/v1/tasks'
  const user = newUser()
  const call = (method: string, address: string, headers: Record<string, string>, json?: unknown) =>
    callAt(nginx.url, method, address, {
      user,
      headers: { 'accept-encoding': 'gzip', ...headers },
      ...(json === undefined ? {} : { json }),
    })

  it('a conditional change or deletion succeeds with the weakened entity tag', async () => {
    const created = await call('POST', path, {}, { title: 'a'.repeat(300) })
    const address = `${path}/${created.body.id}`
    const { headers } = await call('GET', address, {})
    const tag = headers.get('etag') ?? ''
    assert.deepEqual([tag, headers.get('content-encoding')], ['W/"1"', 'gzip'])
    const changed = await call('PATCH', address, { 'if-match': tag }, { title: 'b' })
    assert.equal(changed.status, 200)
    assert.equal((await call('PATCH', address, { 'if-match': tag }, { title: 'c' })).status, 412)
    assert.equal((await call('PATCH', address, { 'if-match': `${tag}, W/"2"` }, { title: 'c' })).status, 200)
    assert.equal((await call('DELETE', address, { 'if-match': 'W/"3-gzip"' })).status, 204)
  })

  it('a conditional GET of a list, a task or the OpenAPI document returns 304', async () => {
    const { body: task } = await call('POST', path, {}, { title: 'a'.repeat(300) })
    for (const address of [path, `${path}/${task.id}`, '/openapi.json', '/docs/docs.js']) {
      const { headers } = await call('GET', address, {})
      const tag = headers.get('etag') ?? ''
      assert.notEqual(tag, '', address)
      assert.equal((await call('GET', address, { 'if-none-match': tag })).status, 304, `${address} ${tag}`)
    }
  })
})
