import { readFileSync } from 'node:fs'

// dist/server/version.js → the package's root, in a clone as in an installed package.
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

export const version = manifest.version
