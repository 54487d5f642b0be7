import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { newPerson } from './person.ts'
import { rawCaller } from './raw-call.ts'
import { type Served, served, unlimited } from './served.ts'

// How the files of the web app are served, and their sizes.

const built = fileURLToPath(new URL('../web/', import.meta.url))
const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
const kibibyte = 1024

let api: Served
before(async () => {
  api = await served(unlimited)
})
after(async () => {
  await api.close()
})

const scripts = () => readdirSync(join(built, 'app')).filter(name => name.endsWith('.js'))
const gzipped = (name: string) => readFileSync(join(built, 'app', `${name}.gz`)).length

describe('the web app', () => {
  it('has at most 25 KiB of compressed JavaScript for the first screen, and 60 KiB in all', async () => {
    const { text } = await api.call('GET', '/', { headers: html })
    const first = scripts().filter(name => text.includes(name))
    assert.ok(first.length > 0)
    const sum = (names: readonly string[]) => names.reduce((bytes, name) => bytes + gzipped(name), 0)
    assert.ok(sum(first) <= 25 * kibibyte, `${sum(first)} bytes`)
    assert.ok(sum(scripts()) <= 60 * kibibyte, `${sum(scripts())} bytes`)
  })

  it('has a policy that allows only its own files', async () => {
    const { status, headers, text } = await api.call('GET', '/', { headers: html })
    assert.equal(status, 200)
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /^default-src 'none'; script-src 'self'; /)
    for (const part of [
      "require-trusted-types-for 'script'",
      'trusted-types duly',
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ])
      assert.ok(policy.includes(part), part)
    assert.doesNotMatch(policy, /unsafe|https?:|\*/)
    assert.doesNotMatch(text, /<script>|<style|style=| on\w+=/)
    for (const [, address = ''] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      assert.match(address, /^\.\//)
      assert.equal((await api.call('GET', address.slice(1))).status, 200, address)
    }
  })

  it('is compressed as the client accepts, and revalidated only if it may have changed', async () => {
    const [name = ''] = scripts()
    const plain = readFileSync(join(built, 'app', name))
    for (const [accepted, encoding] of [
      ['gzip, deflate, br, zstd', 'br'],
      ['gzip;q=1.0, br;q=0', 'gzip'],
      ['identity', null],
    ] as const) {
      const response = await fetch(`${api.server.url}/app/${name}`, {
        headers: { 'accept-encoding': accepted },
      })
      // fetch decodes the body.
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(plain), accepted)
      assert.equal(response.headers.get('content-encoding'), encoding)
      assert.match(response.headers.get('vary') ?? '', /Accept-Encoding/)
      assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    }
    for (const path of ['/', '/sw.js', '/app/manifest.webmanifest']) {
      const { headers } = await api.call('GET', path, { headers: html })
      assert.equal(headers.get('cache-control'), 'no-cache', path)
      const again = await api.call('GET', path, {
        headers: { ...html, 'if-none-match': headers.get('etag') ?? '' },
      })
      assert.equal(again.status, 304, path)
    }
    assert.equal((await api.call('GET', '/app/nothing.js')).status, 404)
    assert.equal((await api.call('GET', '/app/..%2Findex.html')).status, 404)
  })

  it('can be installed: its manifest names existing icons', async () => {
    const { body, headers } = await api.call('GET', '/app/manifest.webmanifest')
    assert.equal(headers.get('content-type'), 'application/manifest+json')
    for (const { src } of body.icons)
      assert.equal((await fetch(`${api.server.url}/app/${src}`)).status, 200, src)
  })

  it('offers a trial only on a new server on this machine', async () => {
    const offered = async (headers: Record<string, string> = {}, path = '/api/auth/options') =>
      (await api.call('GET', path, { headers })).body.try_it
    const port = new URL(api.server.url).port
    const raw = rawCaller(api.server.url)
    const from = async (host: string) =>
      JSON.parse((await raw.call({ method: 'GET', path: '/api/auth/options', headers: { host } })).text)
        .try_it
    for (const host of [`localhost:${port}`, '127.0.0.1', '[::1]:8000'])
      assert.equal(await from(host), true, host)
    for (const host of ['tasks.example.com', 'localhost.example.com', '192.168.0.2:8000', '127.0.0.1.nip.io'])
      assert.equal(await from(host), false, host)
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host'])
      assert.equal(await offered({ [name]: '127.0.0.1' }), false, name)
    assert.equal(await offered(), true)
    const { auth, email, password } = newPerson(api)
    assert.equal((await auth('POST', '/sign-up/email', { name: 'Ann', email, password })).status, 200)
    assert.equal(await offered(), false)
    raw.close()
    for (const settings of [{ PUBLIC_URL: 'http://localhost:9000' }, { SIGN_UP: 'closed' }]) {
      const other = await served({ ...unlimited, ...settings })
      assert.equal((await other.call('GET', '/api/auth/options')).body.try_it, false)
      await other.close()
    }
  })

  it('does not exist with WEB=off, or without accounts', async () => {
    for (const settings of [{ WEB: 'off' }, { ACCOUNTS: 'off' }]) {
      const other = await served({ ...unlimited, ...settings })
      const { text } = await other.call('GET', '/', { headers: html })
      assert.match(text, /A task service/)
      for (const path of ['/sw.js', '/app/manifest.webmanifest'])
        assert.equal((await fetch(other.server.url + path)).status, 404, path)
      await other.close()
    }
  })
})
