const longest = 500

/**
 * A message of Better Auth for the log, without email addresses and shortened. Replaces word by
 * word: a regular expression for addresses would take seconds for a long text without any.
 */
export function withoutAddresses(message: string): string {
  return message.slice(0, longest).replaceAll(/\S+/g, word => (word.includes('@') ? '…@…' : word))
}
