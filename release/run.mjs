// `npm run release` builds the package from the commit and reports what is missing for a release.
// `-- --publish` publishes it.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { whatIsMissing } from './missing.mjs'
import { npm } from './npm.mjs'
import { sbomOf } from './sbom.mjs'
import { tryPackage } from './try.mjs'

const help = `Usage: npm run release [-- --publish | -- --without-tests]

Runs all checks, packs the commit in two new clones, compares the bytes, installs the package without a registry, starts
it, and writes the package and its SBOM (CycloneDX) to dist/release. Missing prerequisites of a release are reported
first, and do not stop the command.

  --publish         publish on npm with provenance; fails if a prerequisite is missing
  --without-tests   skip the checks`

const root = fileURLToPath(new URL('..', import.meta.url))
const output = join(root, 'dist', 'release')
const { values } = parseArgs({
  options: { publish: { type: 'boolean' }, 'without-tests': { type: 'boolean' }, help: { type: 'boolean' } },
})

if (values.help) say(help)
else if (values.publish && values['without-tests']) fail('--publish cannot be combined with --without-tests.')
else await release()

async function release() {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const missing = whatIsMissing({
    manifest,
    changelog: readFileSync(join(root, 'CHANGELOG.md'), 'utf8'),
    git: {
      changes: git('status', '--porcelain'),
      tags: git('tag', '--points-at', 'HEAD').split('\n'),
      onMain: git('for-each-ref', '--contains', 'HEAD', 'refs/heads/main', 'refs/remotes/origin/main') !== '',
    },
    env: process.env,
  })
  for (const sentence of missing) say(`✖ ${sentence}`)
  if (values.publish && missing.length > 0) return fail('Nothing was published.')
  if (!values['without-tests'] && !testsPass()) return fail('The tests failed; see above.')

  const commit = git('rev-parse', 'HEAD')
  const [first, second] = [packNewClone(commit), packNewClone(commit)]
  if (!first.tarball.equals(second.tarball))
    return fail('Two clones of this commit produced different packages.')
  const sbom = `${JSON.stringify(first.sbom, null, 2)}\n`
  if (sbom !== `${JSON.stringify(second.sbom, null, 2)}\n`)
    return fail('Two clones of this commit produced different SBOMs.')
  const name = `${manifest.name}-${manifest.version}`
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  const file = join(output, `${name}.tgz`)
  writeFileSync(file, first.tarball)
  writeFileSync(join(output, `${name}.cdx.json`), sbom)
  await tryPackage(file)
  const integrity = `sha512-${createHash('sha512').update(first.tarball).digest('base64')}`
  say(`✔ ${relative(root, file)}: ${first.tarball.length} bytes, the same from two clones, ${integrity}`)
  say(`✔ ${relative(root, output)}/${name}.cdx.json: ${first.sbom.components.length} packages`)
  if (values.publish) say(npm(['publish', file, '--provenance', '--access=public'], root, 'inherit'))
  else say('Nothing was published. Add "-- --publish" to publish.')
}

/** Packs a new clone of the commit. */
function packNewClone(commit) {
  const folder = mkdtempSync(join(tmpdir(), 'duly-release-'))
  try {
    git('clone', '--quiet', '--no-hardlinks', root, join(folder, 'clone'))
    const clone = join(folder, 'clone')
    git('-C', clone, 'checkout', '--quiet', commit)
    mkdirSync(join(folder, 'packed'))
    npm(['pack', '--silent', `--pack-destination=${join(folder, 'packed')}`], clone)
    const [name = ''] = readdirSync(join(folder, 'packed'))
    const tarball = readFileSync(join(folder, 'packed', name))
    return { tarball, sbom: sbomOf(clone, tarball, new Date(git('log', '-1', '--format=%cI', commit))) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function testsPass() {
  return (
    spawnSync(process.execPath, [join(root, 'run.mjs'), 'test'], { cwd: root, stdio: 'inherit' }).status === 0
  )
}

function git(...args) {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`git ${args.join(' ')} failed:\n${stderr}`)
  return stdout.trim()
}

function say(text) {
  process.stdout.write(`${text}\n`)
}

function fail(text) {
  say(`✖ ${text}`)
  process.exitCode = 1
}
