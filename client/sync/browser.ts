// What browsers have and Node.js does not. The client is compiled for both, so the part that it
// uses is typed here.

export interface DatabaseRequest<T> {
  readonly result: T
  readonly error: unknown
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}

interface OpenRequest extends DatabaseRequest<Database> {
  onupgradeneeded: (() => void) | null
}

export interface Database {
  createObjectStore(name: string): unknown
  transaction(name: string, mode?: 'readonly' | 'readwrite'): Transaction
  close(): void
  onversionchange: (() => void) | null
}

interface Transaction {
  readonly error: unknown
  objectStore(name: string): ObjectStore
  oncomplete: (() => void) | null
  onabort: (() => void) | null
}

interface ObjectStore {
  get(key: string): DatabaseRequest<string | undefined>
  getAll(): DatabaseRequest<string[]>
  put(value: unknown, key: string): unknown
  delete(key: string): unknown
}

interface Browser {
  readonly indexedDB: {
    open(name: string, version: number): OpenRequest
    deleteDatabase(name: string): DatabaseRequest<unknown>
  }
  readonly navigator?: {
    readonly onLine?: boolean
    readonly locks?: {
      request(name: string, options: { signal: AbortSignal }, work: () => Promise<void>): Promise<void>
    }
  }
  addEventListener?(type: 'online' | 'offline', listener: () => void, options: { signal: AbortSignal }): void
}

export const browser = globalThis as unknown as Browser

/** Whether the device knows that it has no network. */
export const isOffline = (): boolean => browser.navigator?.onLine === false
