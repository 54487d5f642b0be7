/**
 * The text as searches and the order of titles compare it: without case, compatibility variants and kinds of composition.
 * Computed here, since PostgreSQL's `lower()` knows what its locale knows: ASCII alone under `C`. Never empty for
 * a text that is not.
 */
export function fold(text: string): string {
  if (isAscii(text)) return text.toLowerCase()
  // By way of upper case `ß` meets `ss` and `ı` meets `i`, and `ẞ` meets them by way of `ß`; the dot that is left of a lowered `İ` goes, so that it meets them.
  const lower = text.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase()
  return lower.replaceAll('ς', 'σ').replaceAll('i\u0307', 'i').normalize('NFC')
}

function isAscii(text: string): boolean {
  for (let n = 0; n < text.length; n += 1) if (text.charCodeAt(n) > 0x7f) return false
  return true
}

/** The folded words of a text. A word that PostgreSQL could not hold is found in no task. */
export function wordsOf(text: string): string[] {
  return fold(text.toWellFormed().replaceAll('\0', '\ufffd'))
    .split(/\s+/)
    .filter(word => word !== '')
}
