/** Runs a function after the next frame is painted; at once in a hidden page. */
export function afterPaint(run: () => void): void {
  if (document.hidden) run()
  else requestAnimationFrame(() => setTimeout(run))
}
