/**
 * The candidate closest to a word, or undefined if none is close. A missing, extra or swapped
 * character costs 1, another character costs 2: `DATABSE_URL` is close to `DATABASE_URL`,
 * `GITLAB_CLIENT_ID` is not close to `GITHUB_CLIENT_ID`.
 */
export function closest(word: string, candidates: readonly string[], most = 2): string | undefined {
  let best: string | undefined
  let least = most + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= least) continue
    const steps = distance(word, candidate)
    if (steps >= least) continue
    best = candidate
    least = steps
  }
  return best
}

/** ` Did you mean "x"?`, or nothing. */
export function suggestion(word: string, candidates: readonly string[]): string {
  const found = closest(word, candidates, word.length < 4 ? 1 : 2)
  return found === undefined ? '' : ` Did you mean "${found}"?`
}

/** Optimal string alignment, with substitutions at 2. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, n) => n)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1]
      let steps = Math.min(at(above, j) + 1, at(row, j - 1) + 1, at(above, j - 1) + (same ? 0 : 2))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        steps = Math.min(steps, at(before, j - 2) + 1)
      }
      row.push(steps)
    }
    before = above
    above = row
  }
  return at(above, b.length)
}

function at(row: readonly number[], n: number): number {
  return row[n] ?? Number.POSITIVE_INFINITY
}
