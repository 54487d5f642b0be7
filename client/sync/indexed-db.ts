import { browser, type Database, type DatabaseRequest } from './browser.ts'
import type { Entry, SyncStore } from './store.ts'

const storeName = 'groups'

/**
 * Tasks are stored as JSON in groups of up to 100, such as `task:12` for 1200 to 1299. One by one,
 * a thousand of them would take several times as long to write and to read.
 */
const groupOf = (key: string): string => key.replace(/^(task:\d*?)\d{1,2}$/, '$1')

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
      const groups = (await opened()).transaction(storeName).objectStore(storeName)
      const texts = await done(groups.getAll())
      return texts.flatMap((text): Entry[] => JSON.parse(text))
    },

    async save(entries) {
      const transaction = (await opened()).transaction(storeName, 'readwrite')
      const into = transaction.objectStore(storeName)
      const groups = new Map<string, Entry[]>()
      for (const entry of entries) {
        const name = groupOf(entry[0])
        const group = groups.get(name)
        if (group) group.push(entry)
        else groups.set(name, [entry])
      }
      for (const [name, group] of groups) {
        const request = into.get(name)
        request.onsuccess = () => {
          const all = new Map<string, unknown>([...JSON.parse(request.result ?? '[]'), ...group])
          const kept = [...all].filter(([, value]) => value !== undefined)
          if (kept.length === 0) into.delete(name)
          else into.put(JSON.stringify(kept), name)
        }
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
      // As JSON, which takes a third of the time. It has null for undefined.
      send: message => channel.postMessage(JSON.stringify(message)),
      receive(listener) {
        channel.onmessage = ({ data }) => listener(JSON.parse(data))
      },
    },
  }
}

async function open(name: string): Promise<Database> {
  const request = browser.indexedDB.open(name, 2)
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
