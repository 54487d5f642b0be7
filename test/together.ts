import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const dist = fileURLToPath(new URL('..', import.meta.url))

/** With more of them, processors would be idle at the end of a run. */
const inOneProcess = 8

/**
 * Runs test files one after the other in one process: most of them take less time than to start a
 * process and to load the server. Each is a suite, so that its hooks run before and after its own tests.
 * @param folder is made
 * @param kind ends the names of what is returned
 * @returns files in `folder` that run these
 */
export function together(folder: string, kind: string, files: readonly string[]): string[] {
  mkdirSync(folder, { recursive: true })
  const processes = Math.ceil(files.length / inOneProcess)
  return Array.from({ length: processes }, (_, process) => {
    const suites = files
      .filter((_, file) => file % processes === process)
      .map(file => [relative(dist, file), pathToFileURL(file).href].map(text => JSON.stringify(text)))
      .map(([name, address]) => `describe(${name}, async () => { await import(${address}) })\n`)
    const path = join(folder, `${process + 1}${kind}`)
    writeFileSync(path, `import { describe } from 'node:test'\n\n${suites.join('')}`)
    return path
  })
}
