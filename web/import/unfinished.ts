import { newKey } from '../../client/sync/operations.ts'

// The id of an unfinished import. With it, the same file is continued, also after a reload.

const storageKey = 'duly-import'

const printOf = ({ name, size, lastModified }: File) => `${name}:${size}:${lastModified}`

/** The id of the unfinished import of this file. */
export function unfinishedImport(file: File): string | undefined {
  const [id, ...print] = (localStorage.getItem(storageKey) ?? '').split(':')
  return print.join(':') === printOf(file) ? id : undefined
}

/** @returns the id of the import */
export function beginImport(file: File): string {
  const id = unfinishedImport(file) ?? newKey()
  localStorage.setItem(storageKey, `${id}:${printOf(file)}`)
  return id
}

export const endImport = (): void => localStorage.removeItem(storageKey)
