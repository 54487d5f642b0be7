import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { DCLinter } from 'dclint'
import { DockerfileParser } from 'dockerfile-ast'
import { validate } from 'dockerfile-utils'
import { parse } from 'yaml'
import { accepted, readText, readYaml, root, stopSeconds } from './manifests.ts'
import { testSecret } from './served.ts'

// Checks each manifest in deploy/, except Kubernetes, with a public tool, and against the program.

const composeFile = 'deploy/compose/compose.yaml'
const [{ services, networks, volumes }] = readYaml(composeFile)
const { duly, postgres } = services
const unit = readText('deploy/systemd/duly.service')
const page = readText('deploy/spaces/README.md')
const onPostgres = { DATABASE_URL: 'postgres://duly@db/duly', BETTER_AUTH_SECRET: testSecret }

/** The settings of the image that this Dockerfile builds. Checks its other instructions. */
function readDockerfile(text: string, context: string) {
  assert.deepEqual(validate(text), [])
  const file = DockerfileParser.parse(text)
  const argumentsOf = (keyword: string) =>
    file
      .getInstructions()
      .filter(instruction => instruction.getKeyword() === keyword)
      .map(instruction => instruction.getArgumentsContent() ?? '')
  const kept = readFileSync(join(context, '.dockerignore'), 'utf8').split('\n')
  for (const copy of file.getCOPYs()) {
    const flags = copy.getFlags().map(flag => flag.getName())
    const sources = copy.getArguments().map(argument => argument.getValue())
    for (const source of flags.includes('from') ? [] : sources.slice(0, -1)) {
      assert.ok(existsSync(join(context, source)), `${source} does not exist`)
      const isKept = kept.some(line => line.startsWith('!') && `${source}/`.startsWith(`${line.slice(1)}/`))
      assert.ok(isKept, `.dockerignore excludes ${source}`)
    }
  }
  const env = file
    .getENVs()
    .flatMap(instruction =>
      instruction.getProperties().map(property => [property.getName(), property.getValue() ?? ''] as const),
    )
  return {
    bases: file.getFROMs().map(from => from.getImage() ?? ''),
    stages: file.getFROMs().map(from => from.getBuildStage()),
    env: Object.fromEntries(env),
    user: argumentsOf('USER').at(-1) ?? '',
    ports: argumentsOf('EXPOSE'),
    healthcheck: argumentsOf('HEALTHCHECK').at(-1) ?? '',
  }
}

describe('deploy/docker', () => {
  const read = () => readDockerfile(readText('deploy/docker/Dockerfile'), root)

  it('uses base images with a tag, and a Node version that Duly supports', () => {
    const image = read()
    const bases = image.bases.filter(base => !image.stages.includes(base))
    for (const base of bases) assert.match(base, /^[\w./-]+:(?!latest)[\w.-]+$/)
    // Its long-term support lasts until April 2029.
    assert.match(bases[0] ?? '', /^node:26\.\d+\.\d+-/)
  })

  it('runs as a numeric user, and listens as its settings say', () => {
    const image = read()
    assert.match(image.user, /^[1-9]\d*:[1-9]\d*$/)
    const config = accepted(image.env)
    assert.deepEqual([config.host, config.dataDir], ['0.0.0.0', '/data/duly'])
    assert.deepEqual(image.ports, [String(config.port)])
    assert.match(image.healthcheck, /CMD \["\/usr\/local\/bin\/node", "\/app\/healthcheck.mjs"\]$/)
  })
})

describe('deploy/compose', () => {
  const password = 'lettersAndDigits1'
  const given: Record<string, string> = { ...onPostgres, POSTGRES_PASSWORD: password }
  const fill = (text: string) =>
    text.replace(/\$\{(\w+):[-?]([^}]*)\}/g, (_, name: string, fallback: string) => given[name] ?? fallback)

  it('follows the Compose specification', () => {
    // The schema of the specification, and conventions; the order of keys is our own.
    const rules = { 'service-keys-order': 0 } as const
    const linter = new DCLinter({ rules, quiet: true, debug: false, exclude: [] })
    const [result] = linter.lintFiles([join(root, composeFile)], false)
    assert.deepEqual(
      result?.messages.map(({ line, message }: { line: number; message: string }) => `${line}: ${message}`),
      [],
    )
  })

  it('gives the server valid settings, and both services the same password', () => {
    const filled = Object.entries<string>(duly.environment).map(([name, value]) => [name, fill(value)])
    const config = accepted(Object.fromEntries(filled))
    assert.deepEqual(
      [config.postgres?.user, config.postgres?.password, config.postgres?.host],
      [postgres.environment.POSTGRES_USER, fill(postgres.environment.POSTGRES_PASSWORD), 'postgres'],
    )
    assert.match(fill(duly.ports[0]), new RegExp(`^127\\.0\\.0\\.1:8000:${config.port}$`))
    assert.ok(Number.parseInt(duly.stop_grace_period, 10) > stopSeconds(config))
    const must = ['POSTGRES_PASSWORD', 'BETTER_AUTH_SECRET'].filter(name =>
      readText(composeFile).includes(`\${${name}:?`),
    )
    assert.equal(must.length, 2, 'nothing starts without the secrets')
  })

  it('builds the image, and gives neither service unnecessary privileges', () => {
    const context = join(root, 'deploy/compose', duly.build.context)
    assert.ok(existsSync(join(context, duly.build.dockerfile)))
    assert.ok(duly.read_only)
    assert.deepEqual([duly.cap_drop, postgres.cap_drop], [['ALL'], ['ALL']])
    assert.deepEqual(
      [networks.database.internal, postgres.networks, postgres.ports],
      [true, ['database'], undefined],
    )
    assert.equal(duly.depends_on.postgres.condition, 'service_healthy')
    const [volume = '', at] = postgres.volumes[0].split(':')
    assert.ok(volume in volumes)
    assert.equal(at, '/var/lib/postgresql')
  })
})

describe('deploy/systemd', () => {
  const lines = unit.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  const value = (name: string) => lines.find(line => line.startsWith(`${name}=`))?.slice(name.length + 1)

  it('starts the program with valid settings, and waits for its shutdown', () => {
    assert.ok(lines.every(line => /^(\[(Unit|Service|Install)\]|[A-Z]\w+=.*)$/.test(line)))
    const [name = '', dataDir = ''] = value('Environment')?.split('=') ?? []
    const config = accepted({ [name]: dataDir })
    assert.equal(dataDir, `/var/lib/${value('StateDirectory')}`)
    assert.ok(Number(value('TimeoutStopSec')) > stopSeconds(config))
    assert.equal(
      value('ExecStart'),
      `/usr/bin/node /opt/duly/node_modules/duly/${JSON.parse(readText('package.json')).bin.duly} start`,
    )
    assert.match(readText('deploy/systemd/duly.sysusers.conf'), new RegExp(`^u ${value('User')} `))
  })

  it('is a valid unit according to systemd, if systemd is installed', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'duly-systemd-'))
    const file = join(scratch, 'duly.service')
    writeFileSync(file, unit.replace('/usr/bin/node', process.execPath))
    const { error, status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file])
    rmSync(scratch, { recursive: true })
    if (error) assert.match(error.message, /ENOENT/)
    else assert.deepEqual([status, stderr.toString()], [0, ''])
  })
})

describe('deploy/spaces', () => {
  it('is created by its commands, and listens on the port of the Space', () => {
    const context = mkdtempSync(join(tmpdir(), 'duly-space-'))
    const [, commands = ''] = /```sh\n(tar .*?)```/s.exec(page) ?? []
    execFileSync('sh', ['-ec', commands.replaceAll(/\bspace\b/g, context)], { cwd: root })
    const image = readDockerfile(readFileSync(join(context, 'Dockerfile'), 'utf8'), context)
    const [, front = ''] = /^---\n(.*?)\n---\n/s.exec(readFileSync(join(context, 'README.md'), 'utf8')) ?? []
    rmSync(context, { recursive: true })
    const config = accepted({ ...image.env, ...onPostgres })
    const space = parse(front)
    assert.deepEqual([space.sdk, space.app_port, space.license], ['docker', config.port, 'mit'])
    assert.deepEqual([config.port, config.contract], [7860, 'todo-app'])
    assert.ok(config.dataDir.startsWith('/tmp/'))
  })

  it('uses only existing settings', () => {
    const named = [...page.matchAll(/^\| (?:secret|variable) `(\w+)`/gm)].map(([, name = '']) => [name, ''])
    assert.equal(named.length, 4)
    accepted({ ...Object.fromEntries(named), ...onPostgres })
  })
})
