// Removes files that no running server reads from a directory of packages. `npm pack` removes the
// same files from the package. Licences stay.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const unread = [
  // Types, source maps, TypeScript sources, addons for another runtime, documentation.
  /\.(map|ts|mts|cts|bare)$/i,
  /\/(?!LICEN|NOTICE|COPYING)[^/]*\.(md|markdown)$/i,
  // Files for the development of a package.
  /\/node_modules\/(@[^/]+\/)?[^/]+\/(tests?|__tests__|benchmarks?|examples?|docs?|fixtures|\.github|coverage)\//,
  /\.tsbuildinfo$/,
  // Second builds of packages, for bundlers and older programs.
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
 * @param {string} [machine] the platform and architecture whose addons are kept; by default all
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
