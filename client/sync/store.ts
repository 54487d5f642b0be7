// Where a copy is kept between visits. `docs/client.md` describes how to write another store.

/** A key and plain data, which survives JSON. `undefined` removes the entry. */
export type Entry = readonly [key: string, value: unknown]

export interface SyncStore {
  /** Returns all entries. */
  load(): Promise<Iterable<Entry>>
  /** Stores and removes these entries: all of them or, if it rejects, none. */
  save(entries: readonly Entry[]): Promise<void>
  /** Removes all entries. The store is not used afterwards. */
  clear(): Promise<void>
  /** Frees what the store holds. */
  close?(): void
  /** Present if several programs, such as tabs of a browser, can use the same entries at once. */
  readonly shared?: SharedStore
}

export interface SharedStore {
  /** Runs `work` while no other program does. Waits for its turn until the signal is aborted. */
  exclusively(work: () => Promise<void>, signal: AbortSignal): Promise<void>
  /** Sends plain data to the other programs. */
  send(message: object): void
  /** Registers the one listener for what the others send. */
  receive(listener: (message: object) => void): void
}

/** Keeps the entries until the program ends. */
export function memoryStore(): SyncStore {
  const stored = new Map<string, unknown>()
  return {
    load: async () => [...stored],
    save: async entries => {
      for (const [key, value] of entries) {
        if (value === undefined) stored.delete(key)
        else stored.set(key, value)
      }
    },
    clear: async () => stored.clear(),
  }
}
