import { browser, type Database, type DatabaseRequest } from './browser.ts'
import type { Entry, SyncStore } from './store.ts'

const storeName = 'entries'

/**
 * Keeps the entries in an IndexedDB database. Tabs and workers of one origin that use the same name
 * share them: one of them sends and reads, and tells the others. Use a name for each user.
 */
export function indexedDbStore(name: string): SyncStore {
  const channel = new BroadcastChannel(`duly ${name}`)
  let opening: Promise<Database> | undefined
  const opened = () => {
    opening ??= open(name).catch(error => {
      opening = undefined
      throw error
    })
    return opening
  }
  const close = () => {
    channel.close()
    void opening?.then(database => database.close())
  }
  return {
    async load() {
      const entries = (await opened()).transaction(storeName).objectStore(storeName)
      const [keys, values] = await Promise.all([done(entries.getAllKeys()), done(entries.getAll())])
      return keys.map((key, n): Entry => [String(key), values[n]])
    },

    async save(entries) {
      const transaction = (await opened()).transaction(storeName, 'readwrite')
      const into = transaction.objectStore(storeName)
      for (const [key, value] of entries) {
        if (value === undefined) into.delete(key)
        else into.put(value, key)
      }
      await new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve()
        // Such as QuotaExceededError.
        transaction.onabort = () => reject(transaction.error)
      })
    },

    async clear() {
      close()
      await done(browser.indexedDB.deleteDatabase(name))
    },

    close,

    shared: {
      // Web Locks need HTTPS or localhost. Without them all tabs send: the server does each write
      // once, by its key.
      exclusively: (work, signal) =>
        browser.navigator?.locks?.request(`duly ${name}`, { signal }, work) ?? work(),
      send: message => channel.postMessage(message),
      receive(listener) {
        channel.onmessage = ({ data }) => listener(data)
      },
    },
  }
}

async function open(name: string): Promise<Database> {
  const request = browser.indexedDB.open(name, 1)
  request.onupgradeneeded = () => request.result.createObjectStore(storeName)
  const database = await done(request)
  // Another tab removes the database.
  database.onversionchange = () => database.close()
  return database
}

const done = <T>(request: DatabaseRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
