// Removes from a directory of packages what no running server reads. `npm pack` leaves the same out of the package. Licences stay.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const unread = [
  // Types, source maps, sources in TypeScript, addons for another runtime, pages for people.
  /\.(map|ts|mts|cts|bare)$/i,
  /\/(?!LICEN|NOTICE|COPYING)[^/]*\.(md|markdown)$/i,
  // What a package brings for its own development.
  /\/node_modules\/(@[^/]+\/)?[^/]+\/(tests?|__tests__|benchmarks?|examples?|docs?|fixtures|\.github|coverage)\//,
  /\.tsbuildinfo$/,
  // Second builds, for bundlers and older programs, of packages that Node loads from another directory.
  /\/@opentelemetry\/[^/]+\/build\/(esm|esnext)\//,
  /\/(kysely|nodemailer)\/dist\/cjs\//,
  /\/@simplewebauthn\/server\/script\//,
  /\/tsyringe\/dist\/esm\w+\//,
  /\/@peculiar\/[^/]+\/build\/(es2015|esm)\//,
  /\/(zod|@electric-sql\/pglite)\/.*\.cjs$/,
  // Extensions of the embedded database.
  /\/pglite\/dist\/[^/]+\.tar\.gz$/,
]

const addon = /\/prebuilds\/([^/]+)\//

/**
 * Whether no running server reads this file of a package.
 * @param {string} path with node_modules in it
 * @param {string} [machine] the platform and architecture whose addons are kept; all without it
 */
export function isUnread(path, machine) {
  const name = `/${path.replaceAll('\\', '/')}`
  if (machine !== undefined && (addon.exec(name)?.[1] ?? machine) !== machine) return true
  return unread.some(pattern => pattern.test(name))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) throw new Error('usage: node prune.mjs FOLDER')
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isDirectory() && isUnread(path, `${process.platform}-${process.arch}`)) rmSync(path)
  }
}
