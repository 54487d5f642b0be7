import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { makePath } from './page.ts'
import { duly } from './program.ts'

// The package without its bundled packages, which take a minute to pack and install; `npm run
// release` tests those. Here the program finds only the packages that it declares.

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'duly-test-'))
const installed = join(folder, 'node_modules', 'duly')
const { bundleDependencies, ...manifest } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** The files of the package, with / as separator. */
let files: string[]
before(() => {
  const draft = join(folder, 'draft')
  for (const path of [
    'dist/server',
    'dist/client',
    'dist/web',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
    'run.mjs',
    'CONTRIBUTING.md',
    'docs',
    'deploy',
    'bench/results/http.svg',
  ])
    cpSync(join(root, path), join(draft, path), { recursive: true })
  writeFileSync(join(draft, 'package.json'), JSON.stringify(manifest))
  // Without scripts: prepack would build again.
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent'], { cwd: draft })
  mkdirSync(installed, { recursive: true })
  const tarball = `${manifest.name}-${manifest.version}.tgz`
  execFileSync('tar', ['-xzf', join(draft, tarball), '-C', installed, '--strip-components=1'])
  files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(installed.length + 1))
    .map(path => path.split(sep).join('/'))
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(join(installed, 'node_modules', name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(installed, 'node_modules', name), 'junction')
  }
})
after(() => rmSync(folder, { recursive: true, force: true }))

interface Locked {
  readonly version: string
  readonly dev?: boolean
  readonly os?: string[]
  readonly cpu?: string[]
}

/** The packages that the program uses according to package-lock.json, by their paths. */
function locked(): [string, Locked][] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  return Object.entries(packages as Record<string, Locked>).filter(([place, { dev }]) => place !== '' && !dev)
}

describe('the package', () => {
  it('is not published by npm publish, which would include unused files', () => {
    const { status, stderr } = spawnSync('npm', ['publish', '--dry-run'], { cwd: root, encoding: 'utf8' })
    assert.notEqual(status, 0)
    assert.match(stderr, /Publish with: npm run release -- --publish/)
  })

  it('starts with only Node, in an empty directory, and stores its tasks there', async () => {
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    const env = { PATH: makePath(join(folder, 'path'), ['node'], {}), PORT: '0' }
    const server = duly([], env, join(installed, manifest.bin.duly), empty)
    const [command] = await server.printed(/^curl .*$/m)
    const task = JSON.parse(
      execFileSync('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
    )
    assert.deepEqual([task.title, task.user_id], ['Say hello', 'alice'])
    const [, token = ''] = /Token +(node \S+ token --user alice)\n/.exec(server.output()) ?? []
    const printed = execFileSync('/bin/sh', ['-c', token], { cwd: empty, encoding: 'utf8', env }).trim()
    const url = /http:\/\/\S+/.exec(command)?.[0] ?? ''
    assert.equal((await fetch(url, { headers: { authorization: `Bearer ${printed}` } })).status, 200)
    server.child.kill('SIGTERM')
    assert.equal((await server.ended).code, 0)
    assert.deepEqual(readdirSync(empty), ['data'])
  })

  it('contains the program, the client and the documentation, and no tests, sources or source maps', () => {
    const isDocumentation = (file: string) => /^(docs|deploy)\/|^bench\/results\/http\.svg$/.test(file)
    const papers = ['CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'package.json']
    const others = files.filter(file => !file.startsWith('dist/') && !isDocumentation(file))
    assert.deepEqual(others.sort(), papers)
    const built = files.filter(
      file =>
        !papers.includes(file) &&
        !isDocumentation(file) &&
        !file.startsWith('dist/server/openapi/swagger-ui/'),
    )
    const strange = built.filter(
      file =>
        !/^dist\/(server\/(.+\.js|db\/cluster\.br)|client\/.+(\.js|\.d\.ts)|web\/.+)$/.test(file) ||
        file.includes('.test.'),
    )
    assert.deepEqual(strange, [])
    for (const file of [
      'dist/server/cli.js',
      'dist/client/index.d.ts',
      'dist/web/index.html',
      'dist/web/preact-LICENSE',
      'dist/web/lean-qr-LICENSE',
      'dist/server/openapi/swagger-ui/LICENSE',
    ])
      assert.ok(files.includes(file), file)
  })

  it('contains every document that its documents link to', () => {
    const missing = files
      .filter(file => file.endsWith('.md'))
      .flatMap(file => {
        const text = readFileSync(join(installed, file), 'utf8')
        const targets = [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target)
        const relative = targets.filter(target => !/^[a-z]+:/.test(target))
        return relative
          .filter(target => !existsSync(join(installed, dirname(file), target)))
          .map(target => `${file}: ${target}`)
      })
    assert.deepEqual(missing, [])
  })

  it('bundles every package it was tested with, the same on all machines', () => {
    assert.equal(bundleDependencies, true)
    const builtForSome = locked().filter(([, { os, cpu }]) => os ?? cpu)
    assert.deepEqual(
      builtForSome.map(([place]) => place),
      [],
    )
  })

  it('includes a client whose types compile in another project', () => {
    const project = join(folder, 'project')
    mkdirSync(join(project, 'node_modules'), { recursive: true })
    symlinkSync(installed, join(project, 'node_modules', 'duly'), 'junction')
    const config = {
      compilerOptions: { module: 'nodenext', strict: true, noEmit: true, types: [], lib: ['es2023', 'dom'] },
    }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config))
    writeFileSync(join(project, 'package.json'), '{"type":"module"}')
    const compile = (source: string) => {
      writeFileSync(join(project, 'main.ts'), source)
      const tsc = join(root, 'node_modules', 'typescript-native', 'bin', 'tsc')
      return spawnSync(process.execPath, [tsc, '--project', project]).stdout.toString()
    }
    const source = `import { createClient } from 'duly/client'
      const { tasks } = createClient({ url: 'http://localhost:8000', token: 'a token' })
      export const title: string = (await tasks.create({ title: 'Typed' })).title`
    assert.equal(compile(source), '')
    assert.match(
      compile(source.replace('title: string', 'title: number')),
      /'string' is not assignable to type 'number'/,
    )
  })
})

describe('the SBOM', () => {
  it('is valid CycloneDX, lists every package, and is reproducible', async () => {
    const { sbomOf } = await import(new URL('../../release/sbom.mjs', import.meta.url).href)
    const sbom = sbomOf(root, Buffer.from('a package'), new Date(0))
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot5)
    assert.equal(await validator.validate(JSON.stringify(sbom)), null)
    const named = sbom.components.map(
      (one: { name: string; version: string }) => `${one.name}@${one.version}`,
    )
    const brought = locked().map(
      ([place, { version }]) => `${place.replace(/^.*node_modules\//, '')}@${version}`,
    )
    const { version: pages } = JSON.parse(
      readFileSync(join(root, 'node_modules', 'swagger-ui-dist', 'package.json'), 'utf8'),
    )
    const web = JSON.parse(readFileSync(join(root, 'web', 'package.json'), 'utf8'))
    const inWeb = Object.entries(web.dependencies).map(([name, version]) => `${name}@${version}`)
    const inFiles = [`swagger-ui-dist@${pages}`, ...inWeb]
    assert.deepEqual(new Set(named), new Set([...brought, ...inFiles]))
    assert.equal(sbom.serialNumber, 'urn:uuid:c0cd5ccf-db56-8a59-b66e-33e73001b78f')
    assert.equal(sbom.metadata.component.name, 'duly')
    assert.equal(sbom.metadata.timestamp, '1970-01-01T00:00:00.000Z')
  })
})
