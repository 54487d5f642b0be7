import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** A file of the web app, as the build compressed it. */
export interface AppFile {
  readonly bytes: Readonly<Record<'identity' | 'gzip' | 'br', Buffer>>
  readonly headers: Readonly<Record<string, string>> & { readonly etag: string }
}

/** The files of the web app by their paths, such as `index.html` and `app/main-x7.js`. */
export type AppFiles = ReadonlyMap<string, AppFile>

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  webmanifest: 'application/manifest+json',
}

/** Reads the files that the build wrote. Undefined if there is no build. */
export function readAppFiles(folder = new URL('../../web/', import.meta.url)): AppFiles | undefined {
  if (!existsSync(new URL('index.html', folder))) return undefined
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => name.replaceAll('\\', '/'))
    .filter(name => types[endOf(name)] !== undefined)
  return new Map(names.map(name => [name, readAppFile(folder, name)]))
}

function readAppFile(folder: URL, name: string): AppFile {
  const read = (end: string) => {
    const url = new URL(name + end, folder)
    return existsSync(url) ? readFileSync(url) : undefined
  }
  const identity = readFileSync(new URL(name, folder))
  const hash = createHash('sha256').update(identity).digest('base64url').slice(0, 22)
  const isHashed = /-[\w-]{8}\.\w+$/.test(name)
  return {
    bytes: { identity, gzip: read('.gz') ?? identity, br: read('.br') ?? identity },
    headers: {
      'content-type': types[endOf(name)] ?? 'application/octet-stream',
      'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag: `"${hash}"`,
    },
  }
}

const endOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1)
