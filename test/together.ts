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
 * Writes a test file that runs others: see `test/run-suites.ts`.
 * @param path its folder is created
 */
export function together(path: string, files: readonly string[]): string {
  mkdirSync(dirname(path), { recursive: true })
  const suites = files.map(file => ({ name: relative(dist, file), address: pathToFileURL(file).href }))
  const runner = new URL('run-suites.js', import.meta.url).href
  const lines = [
    `import { runSuites } from ${JSON.stringify(runner)}\n`,
    `runSuites(${JSON.stringify(suites, null, 2)})`,
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}
