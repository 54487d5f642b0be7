// Short messages at the edge of the screen, announced by a live region.

export interface Notice {
  readonly id: number
  readonly kind: 'done' | 'problem' | 'error' | 'update'
  readonly text?: string
  readonly action?: { readonly label: string; run(): void }
}

let lastId = 0
let shown: readonly Notice[] = []
const listeners = new Set<(notices: readonly Notice[]) => void>()

export function announce(notice: Omit<Notice, 'id'>): void {
  lastId += 1
  const made = { ...notice, id: lastId }
  change([...shown.filter(({ kind }) => kind !== notice.kind), made])
  if (notice.kind !== 'update') setTimeout(dismiss, 8000, made.id)
}

export const dismiss = (id: number): void => change(shown.filter(notice => notice.id !== id))

export function onNotices(listener: (notices: readonly Notice[]) => void): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

function change(next: readonly Notice[]): void {
  shown = next
  for (const listener of listeners) listener(next)
}
