import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

interface Summary {
  readonly lines: { readonly pct: number }
}

/**
 * The percentage of lines of server/ that ran, from the data of the programs in `folder`/raw, and
 * the files below `floor` percent. `folder`/index.html shows the lines that did not run.
 */
export function linesRun(root: string, folder: string, floor: number): { percent: number; below: string[] } {
  const what = ['--include', 'server/**', '--exclude', '**/*.test.ts', '--exclude-after-remap']
  const unseen = ['--all', '--src', 'server']
  const where = ['--temp-directory', join(folder, 'raw'), '--reports-dir', folder]
  const reporters = ['--reporter', 'json-summary', '--reporter', 'html']
  const c8 = join(root, 'tools', 'node_modules', 'c8', 'bin', 'c8.js')
  const args = [c8, 'report', ...where, ...what, ...unseen, ...reporters]
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) return { percent: 0, below: ['c8 failed'] }
  const text = readFileSync(join(folder, 'coverage-summary.json'), 'utf8')
  const { total, ...files } = JSON.parse(text) as Record<string, Summary>
  const below = Object.entries(files).filter(([, { lines }]) => lines.pct < floor)
  return {
    percent: total?.lines.pct ?? 0,
    below: below.map(([file, { lines }]) => `${relative(root, file)}: ${lines.pct} %`),
  }
}
