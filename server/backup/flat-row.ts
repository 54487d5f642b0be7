/** Whether a line looks like a JSON array of `length` strings and nulls, without parsing it. */
export function isFlat(line: string, length: number): boolean {
  let at = 1
  for (let count = 1; count <= length; count += 1) {
    if (line.startsWith('null', at)) at += 4
    else if (line[at] === '"') at = endOfText(line, at)
    else return false
    if (line[at] !== (count === length ? ']' : ',')) return false
    at += 1
  }
  return at === line.length
}

/** The index after the quote that ends the string that begins at `start`. */
function endOfText(line: string, start: number): number {
  for (let at = line.indexOf('"', start + 1); at !== -1; at = line.indexOf('"', at + 1)) {
    let escapes = 0
    while (line[at - 1 - escapes] === '\\') escapes += 1
    if (escapes % 2 === 0) return at + 1
  }
  return line.length
}
