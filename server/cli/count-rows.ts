/** Shows progress on a terminal; prints nothing elsewhere. */
export function countRows(done: string): { progress: ((rows: number) => void) | undefined; end(): void } {
  if (!process.stderr.isTTY) return { progress: undefined, end: () => {} }
  let said = 0
  return {
    progress: rows => {
      if (Date.now() - said < 200) return
      said = Date.now()
      process.stderr.write(`\r${rows} rows ${done}`)
    },
    end: () => process.stderr.write('\r\u001b[K'),
  }
}
