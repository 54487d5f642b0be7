interface Placed {
  readonly position: string
  readonly id: number
}

/** Compares tasks or lists by their place. */
export const byPosition = (a: Placed, b: Placed): number =>
  a.position < b.position ? -1 : a.position > b.position ? 1 : a.id - b.id

/**
 * A position between two others, as ASCII texts compare. The server chooses the real one; this one
 * only shows the item in its place until then.
 */
export function between(before = '', after?: string): string {
  let made = ''
  for (let at = 0; ; at += 1) {
    const low = at < before.length ? before.charCodeAt(at) : 32
    const high = after !== undefined && at < after.length ? after.charCodeAt(at) : 127
    const middle = Math.floor((low + high) / 2)
    if (middle > low && middle < high) return made + String.fromCharCode(middle)
    made += String.fromCharCode(Math.max(low, 33))
    if (at > 200) return made
    if (high > low) return made + between(before.slice(at + 1))
  }
}
