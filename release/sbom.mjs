import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm } from './npm.mjs'

/** Packages whose files the build copies, and which are not installed with the program. */
const copied = ['swagger-ui-dist']

/**
 * The contents of the package in CycloneDX: npm's list without development packages. The lock file
 * decides which these are, since npm's --omit also removes packages that development shares. npm
 * generates a serial number and a date; here they derive from the package and its commit, so that
 * the list is reproducible.
 * @param {string} folder of a clone in which everything is installed
 * @param {Buffer} tarball the package
 * @param {Date} date of its commit
 */
export function sbomOf(folder, tarball, date) {
  const all = JSON.parse(npm(['sbom', '--sbom-format=cyclonedx', '--sbom-type=application'], folder))
  const { name, packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'))
  const { component } = all.metadata
  const root = component['bom-ref']
  const extra = copied.map(one => `${one}@${packages[`node_modules/${one}`].version}`)
  const listed = new Set([root, ...inThePackage(packages), ...extra])
  return {
    ...all,
    serialNumber: `urn:uuid:${numberOf(tarball)}`,
    metadata: {
      ...all.metadata,
      timestamp: date.toISOString(),
      // npm uses the name of the directory.
      component: { ...component, name, hashes: [{ alg: 'SHA-512', content: hashOf('sha512', tarball) }] },
    },
    components: [
      ...all.components.filter(({ 'bom-ref': ref }) => listed.has(ref)).map(notForDevelopment),
      ...inTheWebApp(folder),
    ],
    dependencies: all.dependencies
      .filter(({ ref }) => listed.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(other => listed.has(other)) })),
  }
}

function inThePackage(packages) {
  return Object.entries(packages)
    .filter(([place, { dev }]) => place !== '' && !dev)
    .map(([place, { version }]) => `${place.replace(/^.*node_modules\//, '')}@${version}`)
}

/** The packages that the build of the web app bundles. */
function inTheWebApp(folder) {
  const { packages } = JSON.parse(readFileSync(join(folder, 'web', 'package-lock.json'), 'utf8'))
  return Object.entries(packages)
    .filter(([place, { dev, devOptional, optional }]) => place !== '' && !dev && !devOptional && !optional)
    .map(([place, { version, license }]) => {
      const name = place.replace(/^.*node_modules\//, '')
      return {
        'bom-ref': `${name}@${version}`,
        type: 'library',
        name,
        version,
        purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
        licenses: [{ license: { id: license } }],
      }
    })
}

/** npm lists each version once, with the properties of its first location. */
function notForDevelopment({ properties, ...component }) {
  return { ...component, properties: properties.filter(({ name }) => name !== 'cdx:npm:package:development') }
}

/** A UUID of version 8 (RFC 9562): its bits are a hash. */
function numberOf(bytes) {
  const hex = hashOf('sha256', bytes)
  const variant = ((Number.parseInt(hex[16], 16) & 0b0011) | 0b1000).toString(16)
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, variant + hex.slice(17, 20)]
  return [...parts, hex.slice(20, 32)].join('-')
}

const hashOf = (algorithm, bytes) => createHash(algorithm).update(bytes).digest('hex')
