/** A `ref` that gives an element the focus when it appears. */
export function focus(element: HTMLElement | null): void {
  element?.focus()
}

/** When the element with the focus goes away, the list gets the focus. */
export function keepFocus(): void {
  let last: EventTarget | null = null
  addEventListener('focusin', ({ target }) => {
    last = target
  })
  const look = () => {
    if (document.activeElement === document.body && last instanceof Element && !last.isConnected) focusList()
  }
  // Later, since the focus may be on its way to another element.
  new MutationObserver(() => setTimeout(look)).observe(document.body, { childList: true, subtree: true })
}

/** Focuses the row that arrow keys start from, or what is shown instead of a list. */
export function focusList(): void {
  const row = document.querySelector<HTMLElement>('.task-title[tabindex="0"]')
  const place = row ?? document.querySelector<HTMLElement>('main')
  place?.focus({ preventScroll: true })
}
