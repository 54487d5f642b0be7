import type { Content } from '../backup/format.ts'

const words: Readonly<Record<string, string>> = {
  owners: 'owners',
  tasks: 'tasks',
  user: 'accounts',
  access_tokens: 'access tokens',
}

/** The tables that people ask about, in a few words. Deleted tasks that are still kept count too. */
export function describeContents(contents: readonly Content[]): string {
  return Object.entries(words)
    .map(([table, word]) => `${contents.find(content => content.table === table)?.rows ?? 0} ${word}`)
    .join(', ')
}

/** Every table that holds something, with its checksum. */
export function listContents(contents: readonly Content[]): string[] {
  const filled = contents.filter(({ rows }) => rows > 0)
  return filled.map(
    ({ table, rows, sha256 }) => `  ${table.padEnd(24)}${String(rows).padStart(9)}  ${sha256.slice(0, 16)}`,
  )
}
