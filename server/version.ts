import { existsSync, readFileSync } from 'node:fs'

// dist/server/version.js → the package's root, in a clone as in an installed package.
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
  bugs?: { url: string }
}

export const version = manifest.version

/** Where bugs are reported, as the end of a sentence. */
export const reportTo = manifest.bugs ? `at ${manifest.bugs.url}` : 'in the issue tracker of the project'

/** Whether the program runs from a clone, in which npm scripts are there to start it. */
export const isClone = existsSync(new URL('../../run.mjs', import.meta.url))
