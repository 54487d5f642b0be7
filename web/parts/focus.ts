/** A `ref` that gives an element the focus when it appears. */
export function focus(element: HTMLElement | null): void {
  element?.focus()
}

/** When the element with the focus is moved it keeps the focus; when it goes away, the list gets it. */
export function keepFocus(): void {
  let last: HTMLElement | undefined
  const isLost = () => document.activeElement === document.body
  addEventListener('focusin', ({ target }) => {
    last = target as HTMLElement
  })
  // A person may also leave an element, for example by a click beside it.
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
    // Later, since the focus may be on its way to another element.
    setTimeout(() => {
      if (!isLost()) return
      if (element.isConnected) element.focus({ preventScroll: true })
      else focusList()
    })
  }).observe(document.body, { childList: true, subtree: true })
}

/** Focuses the row that arrow keys start from, or what is shown instead of a list. */
export function focusList(): void {
  const row = document.querySelector<HTMLElement>('.task-title[tabindex="0"]')
  const place = row ?? document.querySelector<HTMLElement>('main')
  place?.focus({ preventScroll: true })
}
