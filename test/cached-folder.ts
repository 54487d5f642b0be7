import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'

/**
 * A directory that the first caller fills, and later ones reuse. It is created atomically, despite
 * concurrent or interrupted callers, and is readable by all users.
 */
export function cachedFolder(folder: string, fill: (draft: string) => void): string {
  if (existsSync(folder)) return folder
  const draft = mkdtempSync(`${folder}-`)
  try {
    fill(draft)
    chmodSync(draft, 0o755)
    renameSync(draft, folder)
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return folder
}
