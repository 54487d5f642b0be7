/** From here on: the scripts of East Asia, where two characters say as much as a word elsewhere; and emoji. */
const dense = 0x2e80

/**
 * The n-grams of a folded text, none twice, as 32-bit integers; those of a part of the text are among those of the text, and a
 * text of one or two characters may have none. Each is a hash of the owner and of three characters that stand together, or two in
 * scripts that write words without spaces. With the owner in it, what others have makes no search longer.
 */
export function gramsOf(owner: string, folded: string): readonly number[] {
  const seed = seedOf(owner)
  const found = new Set<number>()
  // The two characters before this one, -1 where the run has none.
  let first = -1
  let before = -1
  for (let n = 0; n < folded.length; n += 1) {
    let point = folded.charCodeAt(n)
    if (point >= 0xd800 && point < 0xdc00) {
      n += 1
      point = ((point - 0xd800) << 10) + folded.charCodeAt(n) - 0xdc00 + 0x10000
    }
    // A run ends at a space, and where a script of the other kind begins.
    if (point <= 0x20 || before >= dense !== point >= dense) {
      first = -1
      before = point <= 0x20 ? -1 : point
      continue
    }
    const [enough, start] = point >= dense ? [before, seed] : [first, mix(seed, first)]
    if (enough !== -1) found.add(mix(mix(start, before), point))
    first = before
    before = point
  }
  return [...found]
}

function seedOf(owner: string): number {
  let hash = 0x811c9dc5
  for (let n = 0; n < owner.length; n += 1) hash = mix(hash, owner.charCodeAt(n))
  return hash
}

// One round of MurmurHash3's body for each character.
function mix(hash: number, value: number): number {
  const k = Math.imul(value, 0xcc9e2d51)
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}
