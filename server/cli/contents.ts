import type { Content } from '../backup/format.ts'

const words: Readonly<Record<string, string>> = {
  owners: 'owners',
  tasks: 'tasks',
  user: 'accounts',
  access_tokens: 'access tokens',
}

/** Row counts of the main tables, in words. Tasks in the trash are included. */
export function describeContents(contents: readonly Content[]): string {
  return Object.entries(words)
    .map(([table, word]) => `${contents.find(content => content.table === table)?.rows ?? 0} ${word}`)
    .join(', ')
}

/** Every table that is not empty, with its row count and checksum. */
export function listContents(contents: readonly Content[]): string[] {
  const filled = contents.filter(({ rows }) => rows > 0)
  return filled.map(
    ({ table, rows, sha256 }) => `  ${table.padEnd(24)}${String(rows).padStart(9)}  ${sha256.slice(0, 16)}`,
  )
}
