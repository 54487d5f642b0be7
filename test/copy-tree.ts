import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** cpSync checks every file several times, and takes three times as long. */
export function copyTree(from: string, to: string): void {
  mkdirSync(to, { mode: 0o700 })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const copy = entry.isDirectory() ? copyTree : copyFileSync
    copy(join(from, entry.name), join(to, entry.name))
  }
}
