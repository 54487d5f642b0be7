import type { Entry, SyncStore } from './store.ts'

/**
 * Saves entries one batch after the other, in their order. What could not be saved, such as on a
 * full disk, is saved together with the next entries, so that the store never has a gap.
 */
export function saverOf(store: SyncStore, report: (error: unknown) => void) {
  let unsaved = new Map<string, unknown>()
  let saving: Promise<void> | undefined

  const saveAll = async () => {
    // To write thousands takes long enough to be seen: they are shown first.
    await (unsaved.size > 1000 ? new Promise(resolve => setTimeout(resolve, 200)) : undefined)
    try {
      while (unsaved.size > 0) {
        const batch = unsaved
        unsaved = new Map()
        try {
          await store.save([...batch])
          report(undefined)
        } catch (error) {
          unsaved = new Map([...batch, ...unsaved])
          return report(error)
        }
      }
    } finally {
      // At once: what is added from now on is not part of this promise.
      saving = undefined
    }
  }

  /**
   * Resolves when these are saved, or have failed.
   * @param isPart whether to wait for more entries, which make these useful
   */
  return async (entries: readonly Entry[], isPart = false): Promise<void> => {
    // Not destructured: see Copy.apply.
    for (const entry of entries) unsaved.set(entry[0], entry[1])
    if (!isPart) saving ??= saveAll()
    return saving
  }
}
