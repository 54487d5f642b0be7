import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const root = new URL('../../../', import.meta.url)

/** Bytes of JavaScript, compressed with gzip. */
export function sizes() {
  const folder = new URL('dist/web/', root)
  const page = readFileSync(new URL('index.html', folder), 'utf8')
  const names = readdirSync(new URL('app/', folder)).filter(name => name.endsWith('.js'))
  const sum = (some: readonly string[]) =>
    some.reduce((bytes, name) => bytes + readFileSync(new URL(`app/${name}.gz`, folder)).length, 0)
  const bare = ['bench/web/bare/bare.js', 'web/node_modules/preact/dist/preact.mjs']
  return {
    'bare list': bare.reduce((bytes, path) => bytes + gzipSync(readFileSync(new URL(path, root))).length, 0),
    'first screen': sum(names.filter(name => page.includes(name))),
    all: sum(names),
  }
}
