import { existsSync, readFileSync } from 'node:fs'

// dist/server/version.js → the package's root, in a clone as in an installed package.
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

export const version = manifest.version

/** What comes before a command's name where this program was started from: an installed package has no run.mjs. */
export const typed = existsSync(new URL('../../run.mjs', import.meta.url)) ? 'npm run -s duly --' : 'npx duly'
