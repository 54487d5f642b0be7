/** A `ref` that gives an element the focus when it appears. */
export function focus(element: HTMLElement | null): void {
  element?.focus()
}

/**
 * Keeps the focus on its element when that is moved, or gives it to the list when that is removed.
 */
export function keepFocus(): void {
  let last: HTMLElement | undefined
  const isLost = () => document.activeElement === document.body
  addEventListener('focusin', ({ target }) => {
    last = target as HTMLElement
  })
  // The user may also blur an element, for example by a click beside it.
  addEventListener('focusout', () =>
    setTimeout(() => {
      if (isLost()) last = undefined
    }),
  )
  new MutationObserver(records => {
    const element = last
    if (
      !element ||
      !records.some(({ removedNodes }) => [...removedNodes].some(node => node.contains(element)))
    )
      return
    // Later, since the focus may be moving to another element.
    setTimeout(() => {
      if (!isLost()) return
      if (element.isConnected) element.focus({ preventScroll: true })
      else focusList()
    })
  }).observe(document.body, { childList: true, subtree: true })
}

/** Focuses the row from which arrow keys start, or what is shown instead of a list. */
export function focusList(): void {
  const row = document.querySelector<HTMLElement>('.task-title[tabindex="0"]')
  const place = row ?? document.querySelector<HTMLElement>('main')
  place?.focus({ preventScroll: true })
}
