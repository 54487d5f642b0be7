import { existsSync, readFileSync } from 'node:fs'

// From dist/server/version.js to the root of the package, in a clone and in an installed package.
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
  bugs?: { url: string }
}

export const version = manifest.version

/** Where to report bugs, as the end of a sentence. */
export const reportTo = manifest.bugs ? `at ${manifest.bugs.url}` : 'in the issue tracker of the project'

/** Whether the program runs from a clone, where npm scripts start it. */
export const isClone = existsSync(new URL('../../run.mjs', import.meta.url))
