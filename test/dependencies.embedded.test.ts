import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

// Compares docs/dependencies.md with what is installed.

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string) => readFileSync(join(root, file), 'utf8')

interface Package {
  readonly license?: string
  readonly dev?: true
  readonly hasInstallScript?: true
  readonly integrity?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

const { packages } = JSON.parse(read('package-lock.json')) as { packages: Readonly<Record<string, Package>> }
const { dependencies } = JSON.parse(read('package.json')) as {
  dependencies: Readonly<Record<string, string>>
}
const page = read('docs/dependencies.md')
const running = Object.entries(packages).filter(([place, { dev }]) => place !== '' && !dev)

/** Where a package that `from` requires is installed: beside it, or above. */
function placeOf(from: string, name: string): string | undefined {
  for (let above = from; ; above = above.slice(0, Math.max(0, above.lastIndexOf('/node_modules/')))) {
    const place = `${above === '' ? '' : `${above}/`}node_modules/${name}`
    if (packages[place]) return place
    if (above === '') return undefined
  }
}

/** A package and all that it requires. */
function broughtBy(place: string, seen = new Set<string>()): Set<string> {
  const found = packages[place]
  if (!found || seen.has(place)) return seen
  seen.add(place)
  const peers = Object.keys(found.peerDependencies ?? {}).filter(
    name => !found.peerDependenciesMeta?.[name]?.optional,
  )
  for (const name of Object.keys({ ...found.dependencies, ...found.optionalDependencies }).concat(peers))
    broughtBy(placeOf(place, name) ?? '', seen)
  return seen
}

describe('docs/dependencies.md', () => {
  it('lists each direct dependency, with its number of packages and its licence', () => {
    const lines = [
      ...page.matchAll(
        /^\| `([^`]+)` \| [^|]+ \| (\d+) \| [\d.]+ \| ([\w.-]+) \| \d{4}-\d\d-\d\d \| [^|]+ \|$/gm,
      ),
    ]
    const told = lines.map(([, name, brings, licence]) => [name, Number(brings), licence])
    const known = Object.keys(dependencies).map(name => {
      const place = `node_modules/${name}`
      return [name, broughtBy(place).size, packages[place]?.license]
    })
    assert.deepEqual(told, known)
  })

  it('counts the packages of a running server', () => {
    assert.ok(
      page.includes(
        `Duly runs with ${running.length} packages: the ${Object.keys(dependencies).length} direct dependencies`,
      ),
    )
  })

  it('names every licence', () => {
    const named = /All licences are (.+?)\. /.exec(page)?.[1]?.replace(' or ', ', ').split(', ') ?? []
    const licences = new Set(running.map(([, { license }]) => license))
    assert.deepEqual([...licences].sort(), named.sort())
  })
})

describe('each package of a running server', () => {
  it('is pinned to a version in package.json, and to its content in the lock file', () => {
    for (const [name, version] of Object.entries(dependencies)) assert.match(version, /^\d+\.\d+\.\d+$/, name)
    for (const [place, { integrity }] of running) assert.match(integrity ?? '', /^sha512-/, place)
  })

  it('runs no script when it is installed', () => {
    assert.deepEqual(
      running.filter(([, { hasInstallScript }]) => hasInstallScript).map(([place]) => place),
      [],
    )
  })
})
