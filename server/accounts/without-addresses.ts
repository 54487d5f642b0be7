const longest = 500

/**
 * A message of Better Auth's for the log: it names e-mail addresses now and then, and repeats what was sent, of any length. Word by word:
 * an expression that looks for an address from each letter on takes seconds for a long one without any.
 */
export function withoutAddresses(message: string): string {
  return message.slice(0, longest).replaceAll(/\S+/g, word => (word.includes('@') ? '…@…' : word))
}
