import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'

/**
 * A folder that the first who needs it fills, and the others find. It appears there whole or not at all, whoever else fills one at
 * the same time or is interrupted; anybody may read it, as programs do that run as another user.
 */
export function keptFolder(folder: string, fill: (draft: string) => void): string {
  if (existsSync(folder)) return folder
  const draft = mkdtempSync(`${folder}-`)
  try {
    fill(draft)
    chmodSync(draft, 0o755)
    renameSync(draft, folder)
  } catch (error) {
    // Somebody else may have been faster.
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return folder
}
