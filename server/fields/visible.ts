export const whiteSpace = /\p{White_Space}{2,}|(?! )\p{White_Space}/gu
// Format and control characters, fillers and variation selectors; the blank braille pattern and the
// null notehead, which Unicode counts as symbols.
export const invisible = /(?!\p{White_Space})[\p{Cf}\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}]/gu

/** Whether a text shows nothing: it is empty, white space, or invisible characters. */
export function isBlank(text: string): boolean {
  const hasVisibleAscii = /[!-~]/.test(text)
  return !hasVisibleAscii && text.replace(invisible, '').replace(whiteSpace, '').trim() === ''
}
