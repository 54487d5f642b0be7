import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { settings } from '../server/config/settings.ts'
import { migrations } from '../server/db/migrations.ts'

// Compares the sources with the rules of the project layout.

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Directory of server/ → what it may import: directories, top-level files, packages. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  db: [
    'db',
    'errors',
    'log',
    'config',
    'quote',
    'regular-file',
    'system-error',
    'pg',
    'pg-protocol',
    '@electric-sql',
    'fs-native-extensions',
    'kysely',
  ],
  limits: ['limits', 'errors', 'log', 'config', 'fastify', 'ioredis'],
  fields: ['fields', 'db/data-row', 'db/database', 'errors', 'quote', 'ajv'],
  tasks: [
    'tasks',
    'fields',
    'jobs',
    'db',
    'errors',
    'log',
    'quote',
    'temporal-polyfill',
    'fractional-indexing',
  ],
  sync: ['sync', 'tasks', 'fields', 'jobs', 'db', 'limits', 'errors', 'log', 'quote'],
  jobs: ['jobs', 'db/database', 'log'],
  auth: [
    'auth',
    'limits',
    'db/data-dir',
    'db/database',
    'errors',
    'system-error',
    'log',
    'hints',
    'config',
    'fastify',
  ],
  accounts: [
    'accounts',
    'http',
    'openapi',
    'pages',
    'quote',
    'audit',
    'context',
    'fastify',
    'auth',
    'tasks/owner',
    'limits/network',
    'origins',
    'db/database',
    'db/kysely',
    'errors',
    'regular-file',
    'system-error',
    'log',
    'config',
    'better-auth',
    '@better-auth/core',
    '@better-auth/passkey',
    'nodemailer',
  ],
  backup: ['backup', 'db', 'errors', 'regular-file', 'system-error', 'tasks/owner', 'version'],
  doctor: [
    'doctor',
    'accounts/secrets-fit',
    'auth/secret',
    'backup/tables',
    'sync/webhooks/reencrypt',
    'db',
    'tasks/invariants',
    'errors',
  ],
  telemetry: [
    'telemetry',
    'auth/bearer',
    'db/database',
    'errors',
    'log',
    'config',
    'version',
    'prom-client',
    '@opentelemetry',
  ],
  http: [
    'http',
    'openapi',
    'audit',
    'log',
    'hints',
    'telemetry',
    'tasks',
    'auth',
    'limits',
    'closest',
    'quote',
    'db/database',
    'errors',
    'context',
    'version',
    'origins',
    'fastify',
    '@fastify',
  ],
  openapi: ['openapi', 'http', 'pages', 'contracts/task-schemas', 'errors', 'version', 'fastify'],
  pages: ['pages', 'context', 'http', 'openapi', 'web/send-app-file', 'errors', 'version', 'fastify'],
  web: ['web', 'http', 'openapi', 'db/database', 'errors', 'context', 'fastify'],
  v1: [
    'v1',
    'fields',
    'http',
    'openapi',
    'contracts',
    'accounts',
    'sync',
    'tasks',
    'auth',
    'closest',
    'quote',
    'db/database',
    'errors',
    'context',
    'fastify',
  ],
  contracts: [
    'contracts',
    'config',
    'db/data-row',
    'fields',
    'http',
    'openapi',
    'tasks',
    'auth',
    'errors',
    'quote',
    'hints',
    'context',
    'fastify',
  ],
  config: [
    'config',
    'accounts/breached-passwords',
    'db/database-url',
    'limits/rate',
    'origins',
    'closest',
    'quote',
    'regular-file',
    'system-error',
    'errors',
  ],
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => /\.tsx?$/.test(name) && !name.endsWith('.test.ts') && !name.includes('node_modules'))
    .map(name => join(root, folder, name))
}

function importsOf(file: string, withTypes = true): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^(?:import|export) (type )?[^;]*?from '([^']+)'/gms)]
    .filter(([, isType]) => withTypes || isType === undefined)
    .map(match => match[2] as string)
}

function nameOf(file: string): string {
  return relative(root, file).split(sep).join('/')
}

describe('the project layout', () => {
  for (const [folder, allowed] of Object.entries(mayImport)) {
    it(`server/${folder} imports only allowed modules`, () => {
      for (const file of sources(`server/${folder}`)) {
        for (const name of importsOf(file).filter(found => !found.startsWith('node:'))) {
          const target = name.startsWith('.')
            ? relative(join(root, 'server'), resolve(dirname(file), name))
                .split(sep)
                .join('/')
            : name
          const permitted = allowed.some(
            prefix => target === prefix || target.startsWith(`${prefix}/`) || target === `${prefix}.ts`,
          )
          assert.ok(
            permitted,
            `${relative(root, file)} imports ${target}; server/${folder} may import ${allowed.join(', ')}`,
          )
        }
      }
    })
  }

  it('the client imports only itself', () => {
    const outside = sources('client').flatMap(file =>
      importsOf(file)
        .map(name =>
          name.startsWith('.') ? relative(join(root, 'client'), join(dirname(file), name)) : name,
        )
        .filter(name => !name.endsWith('.ts') || name.startsWith('..')),
    )
    assert.deepEqual(outside, [])
  })

  it('the web app imports only itself, the client, Preact and the QR encoder', () => {
    const files = sources('web')
    const strange = files.flatMap(file =>
      importsOf(file)
        .map(name => (name.startsWith('.') ? nameOf(resolve(dirname(file), name)) : name))
        .filter(target => !/^(web|client)\/|^preact(\/hooks)?$|^lean-qr\/nano$/.test(target))
        .map(target => `${nameOf(file)} imports ${target}`),
    )
    assert.ok(files.length > 50)
    assert.deepEqual(strange, [])
  })

  it('a start does not load optional packages', () => {
    const reached = new Set<string>()
    const follow = (file: string) => {
      for (const name of importsOf(file, false)) {
        const target = name.startsWith('.') ? resolve(dirname(file), name) : name
        if (reached.has(target)) continue
        reached.add(target)
        if (name.startsWith('.')) follow(target)
      }
    }
    follow(join(root, 'server', 'main.ts'))
    follow(join(root, 'server', 'cli.ts'))
    const heavy = [...reached].filter(name =>
      /^(better-auth|@better-auth|kysely|nodemailer|ioredis|prom-client|@opentelemetry)(\/|$)/.test(name),
    )
    assert.deepEqual(heavy, [])
    assert.ok(reached.has(join(root, 'server', 'accounts', 'accounts.ts')))
  })

  it('no contract imports another', () => {
    const contracts = ['task-api', 'stage-2', 'todo-app', 'todos']
    for (const contract of contracts) {
      const others = contracts.filter(other => other !== contract).map(other => `./${other}.ts`)
      const imported = importsOf(join(root, 'server', 'contracts', `${contract}.ts`))
      assert.deepEqual(
        imported.filter(name => others.includes(name)),
        [],
      )
    }
  })

  it('hooks are added in six places, which docs/architecture.md lists', () => {
    const hooks = sources('server').flatMap(file =>
      [...readFileSync(file, 'utf8').matchAll(/\.addHook\('(\w+)'/g)].map(
        ([, hook]) => `${relative(root, file).split(sep).join('/')} ${hook}`,
      ),
    )
    assert.deepEqual(hooks.sort(), [
      'server/http/connections.ts onClose',
      'server/http/cors.ts onRoute',
      'server/http/incoming-request.ts onRequest',
      'server/http/no-route.ts onRequest',
      'server/http/observe.ts onResponse',
      'server/http/register.ts onRequest',
    ])
  })

  it('only streams.ts creates streams, since the promise of a streamed reply retains its closure', () => {
    const makers = ['http', 'openapi', 'v1', 'contracts', 'pages']
      .flatMap(folder => sources(`server/${folder}`))
      .filter(file => /import \{[^}]*\} from 'node:stream'/.test(readFileSync(file, 'utf8')))
    assert.deepEqual(
      makers.map(file => relative(root, file).split(sep).join('/')),
      ['server/http/streams.ts'],
    )
  })

  it('only environment.ts reads the environment', () => {
    const readers = sources('server').filter(file => readFileSync(file, 'utf8').includes('process.env'))
    assert.deepEqual(
      readers.map(file => relative(root, file).split(sep).join('/')),
      ['server/config/environment.ts'],
    )
  })

  it('only server/tasks contains statements on tasks', () => {
    const elsewhere = sources('server')
      .filter(file => /(from|into|update) duly\.(tasks|owners)/.test(readFileSync(file, 'utf8')))
      .map(file => relative(root, file).split(sep).join('/'))
      .filter(file => !file.startsWith('server/tasks/'))
    // It counts the tasks that would be lost, before it drops the table.
    assert.deepEqual(elsewhere, ['server/db/migrate.ts'])
  })
})

describe('imports', () => {
  for (const folder of ['server', 'client', 'web']) {
    it(`of ${folder}/ have no cycles, type imports and dynamic imports included`, () => {
      const done = new Set<string>()
      const circles: string[] = []
      const visit = (file: string, path: readonly string[]) => {
        const start = path.indexOf(file)
        if (start !== -1) circles.push([...path.slice(start), file].map(nameOf).join(' -> '))
        if (start !== -1 || done.has(file)) return
        for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(
          /\b(?:from |import\()'(\.[^'?]+\.tsx?)[^']*'/g,
        ))
          visit(resolve(dirname(file), name), [...path, file])
        done.add(file)
      }
      for (const file of sources(folder)) visit(file, [])
      assert.deepEqual(circles, [])
      assert.ok(done.size > 20)
    })
  }
})

describe('a route', () => {
  it('accesses tasks through ownTasks or ownLists, which apply its limits and scopes', () => {
    const callers = sources('server')
      .filter(file => !relative(join(root, 'server'), file).startsWith('tasks'))
      .filter(file => /\btasksOf\(/.test(readFileSync(file, 'utf8')))
      .map(file => relative(join(root, 'server', 'http'), file))
    assert.deepEqual(callers, ['own-tasks.ts'])
  })
})

describe('docs/settings.md', () => {
  it('lists every setting as it is defined', () => {
    const page = readFileSync(join(root, 'docs', 'settings.md'), 'utf8')
    const rows = settings.map(({ name, aliases, fallback, meaning }) => {
      const also = aliases.map(alias => `\`${alias}\``).join(', ')
      return `| \`${name}\` | ${also} | ${fallback} | ${meaning.replaceAll('|', '\\|')} |`
    })
    const table =
      /\| name \| alias \| default \| meaning \|\n\| --- \| --- \| --- \| --- \|\n((?:\|.*\|\n)+)/.exec(page)
    assert.deepEqual(table?.[1]?.trim().split('\n'), rows)
  })
})

describe('the changelog', () => {
  it('names the last migration of the newest version that has one', () => {
    const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8')
    const [, last] = /^Migrations: up to (\d+)\.$/m.exec(changelog) ?? []
    assert.equal(Number(last), migrations.length)
  })
})
