import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const dist = fileURLToPath(new URL('..', import.meta.url))

/** With more of them, processors would be idle at the end of a run. */
const inOneProcess = 8

/** Divides test files among as few processes as are needed. */
export function divided(files: readonly string[]): string[][] {
  const processes = Math.ceil(files.length / inOneProcess)
  return Array.from({ length: processes }, (_, process) =>
    files.filter((_, file) => file % processes === process),
  )
}

/**
 * Writes a test file that runs others one after the other: most take less time than the start of a
 * process. Each is a suite, so its hooks run before and after its own tests only.
 * @param path its folder is created
 */
export function together(path: string, files: readonly string[]): string {
  mkdirSync(dirname(path), { recursive: true })
  const suites = files
    .map(file => [relative(dist, file), pathToFileURL(file).href].map(text => JSON.stringify(text)))
    .map(([name, address]) => `describe(${name}, async () => { await import(${address}) })\n`)
  writeFileSync(path, `import { describe } from 'node:test'\n\n${suites.join('')}`)
  return path
}
