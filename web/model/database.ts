// IndexedDB, one database for each user: a user who signs in sees nothing of another.

export type StoreName = 'items' | 'writes' | 'meta'

let opened: IDBDatabase | undefined

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

export async function openDatabase(userId: string): Promise<void> {
  const request = indexedDB.open(`duly-${userId}`, 1)
  request.onupgradeneeded = () => {
    request.result.createObjectStore('items')
    request.result.createObjectStore('writes')
    request.result.createObjectStore('meta')
  }
  opened = await done(request)
  // Another tab has signed out.
  opened.onversionchange = () => opened?.close()
}

export async function deleteDatabase(userId: string): Promise<void> {
  opened?.close()
  opened = undefined
  await done(indexedDB.deleteDatabase(`duly-${userId}`))
}

function store(name: StoreName, mode: IDBTransactionMode): IDBObjectStore | undefined {
  return opened?.transaction(name, mode).objectStore(name)
}

export async function readAll<T>(name: StoreName): Promise<T[]> {
  const from = store(name, 'readonly')
  return from ? done(from.getAll()) : []
}

export async function read<T>(name: StoreName, key: string): Promise<T | undefined> {
  const from = store(name, 'readonly')
  return from && done(from.get(key))
}

/** Stores all of these in one transaction. `undefined` deletes. Resolves once they are stored. */
export async function write(name: StoreName, entries: Iterable<readonly [string | number, unknown]>) {
  const into = store(name, 'readwrite')
  if (!into) return
  for (const [key, value] of entries) {
    if (value === undefined) into.delete(key)
    else into.put(value, key)
  }
  const { transaction } = into
  await new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })
}

export async function clear(name: StoreName): Promise<void> {
  const into = store(name, 'readwrite')
  if (into) await done(into.clear())
}
