import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { root } from './manifests.ts'
import { newUserHere } from './person.ts'
import { duly, dulyStart, type RunningServer } from './program.ts'
import { type Answer, type Call, callAt, type OwnDatabase, ownDatabase } from './served.ts'

// The content of /app in the image, built by the steps of deploy/docker/Dockerfile without Docker:
// production packages and the built server, both without unused files.

let app: string
const databases = new Map<string, OwnDatabase>()
const servers = new Map<string, RunningServer>()
const names = ['the embedded database', 'PostgreSQL'] as const

before(async () => {
  app = mkdtempSync(join(root, 'dist', 'image-'))
  for (const path of [...productionPackages(), join('dist', 'server'), join('dist', 'web')])
    link(join(root, path), join(app, path))
  for (const path of ['package.json', join('deploy', 'docker', 'healthcheck.mjs')])
    linkSync(join(root, path), join(app, basename(path)))
  for (const folder of ['node_modules', join('dist', 'server')])
    execFileSync(process.execPath, [join(root, 'deploy', 'docker', 'prune.mjs'), folder], { cwd: app })
  // No server listens there. It is set so that the tracing packages are loaded too.
  const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', METRICS_PORT: '0' }
  for (const name of names) {
    const database = await ownDatabase('migrated', name === 'PostgreSQL')
    databases.set(name, database)
    servers.set(name, await dulyStart({ ...database.env, ...traces }, cli()))
  }
})
after(async () => {
  for (const { child, ended } of servers.values()) {
    child.kill('SIGKILL')
    await ended
  }
  for (const database of databases.values()) await database.drop()
  rmSync(app, { recursive: true, force: true })
})

const cli = () => join(app, 'dist', 'server', 'cli.js')

// Symbolic links, since copying thousands of files takes long; in dist/, which is on the same disk.
// Nested packages are in the list too, except those for development.
function link(source: string, target: string): void {
  mkdirSync(target, { recursive: true })
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)]
    if (entry.isFile()) linkSync(from, to)
    else if (entry.isDirectory() && entry.name !== 'node_modules') link(from, to)
  }
}

function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }>
  }
  return Object.entries(packages)
    .filter(([path, { dev, devOptional, optional }]) => path !== '' && !dev && !devOptional && !optional)
    .map(([path]) => path)
}

function serverOn(name: string): RunningServer {
  const server = servers.get(name)
  assert.ok(server)
  return server
}

/** Runs the health check of the image with the settings of a server. */
function checkHealth({ url }: RunningServer, path: string[] = []): number | null {
  const env = { PATH: process.env.PATH ?? '', PORT: new URL(url).port }
  return spawnSync(process.execPath, [join(app, 'healthcheck.mjs'), ...path], { env }).status
}

describe('the image', () => {
  it('is smaller than 200 MB', () => {
    // The base and Node take 143 MB: see deploy/docker/README.md.
    const files = readdirSync(app, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
    const bytes = files.map(({ parentPath, name }) => statSync(join(parentPath, name)).size)
    assert.ok(bytes.reduce((sum, size) => sum + size) < 55_000_000)
  })

  it('lacks unused files, and includes the licences', () => {
    const files = readdirSync(join(app, 'node_modules'), { recursive: true, encoding: 'utf8' })
    assert.deepEqual(
      files.filter(file => /\.(map|ts|bare)$|pglite\/dist\/[^/]*\.tar\.gz$/.test(file)),
      [],
    )
    assert.equal(files.filter(file => file.endsWith('.node')).length, 1)
    for (const name of ['fastify', 'pg', 'zod']) assert.ok(files.includes(join(name, 'LICENSE')))
  })

  for (const name of names) {
    it(`serves users, tasks and pages on ${name}`, async () => {
      const call = (method: string, path: string, call?: Call): Promise<Answer> =>
        callAt(serverOn(name).url, method, path, call)
      const person = await newUserHere({ call })
      const token = await person.token()
      const made = await call('POST', '/api/v1/tasks', { token, json: { title: 'In a small image' } })
      assert.equal(made.status, 201)
      const { body } = await call('GET', '/api/v1/tasks?q=small', { token })
      assert.deepEqual(body.tasks, [made.body])
      const app = await call('GET', '/', { headers: { accept: 'text/html' } })
      assert.match(app.text, /src="\.\/app\//)
      for (const path of ['/readyz', '/docs', '/docs/swagger-ui-bundle.js', '/openapi.json'])
        assert.equal((await call('GET', path)).status, 200, path)
    })

    it(`can run every command while it serves requests on ${name}`, async () => {
      const file = join(app, `${name}.duly`)
      const { code, stderr } = await duly(['backup', file], databases.get(name)?.env, cli()).ended
      assert.equal(code, 0, stderr)
    })
  }

  it('is healthy while it serves requests, and not afterwards', async () => {
    const server = serverOn('PostgreSQL')
    const healthy = [checkHealth(server), checkHealth(server, ['/livez']), checkHealth(server, ['/nowhere'])]
    assert.deepEqual(healthy, [0, 0, 1])
    server.child.kill('SIGTERM')
    assert.equal((await server.ended).code, 0)
    assert.equal(checkHealth(server), 1)
  })
})
