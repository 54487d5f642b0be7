// Removes from a folder of packages what no running server reads: types, source maps, sources in TypeScript, pages for people, the
// embedded database's extensions, what OpenTelemetry has for bundlers, and addons for other machines. Licences stay.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const unread = /\.(map|ts|mts|cts|bare)$|^(?!LICEN|NOTICE|COPYING).*\.md$/i
const extension = /[\\/]pglite[\\/]dist[\\/][^\\/]+\.tar\.gz$/
const forBundlers = /[\\/]@opentelemetry[\\/][^\\/]+[\\/]build[\\/](esm|esnext)[\\/]/
const addon = /[\\/]prebuilds[\\/]([^\\/]+)[\\/]/
const here = `${process.platform}-${process.arch}`

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: node prune.mjs FOLDER')
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (entry.isDirectory()) continue
  const path = join(entry.parentPath, entry.name)
  const elsewhere = (addon.exec(path)?.[1] ?? here) !== here
  if (elsewhere || unread.test(entry.name) || extension.test(path) || forBundlers.test(path)) rmSync(path)
}
