import { t } from '../texts/texts.ts'
import { discard, type Enqueued, enqueue, onSettled } from './copy.ts'
import { announce } from './notices.ts'

// Undo. The server reverts a change, since its history has the previous values. Until it responds,
// the items are shown with them. A write that was not sent yet is discarded.

interface Done {
  readonly label: string
  /** Its writes by their keys, with the ids of their changes once the server has confirmed them. */
  readonly writes: Map<string, Enqueued & { readonly change?: string }>
  /** The user wants it undone as soon as its writes are confirmed. */
  isUnwanted?: boolean
}

const undoable: Done[] = []
const redoable: Done[] = []

/** Shows a notice about an action, with an undo button. */
export function record(label: string, writes: readonly Enqueued[]): void {
  redoable.length = 0
  push(undoable, label, writes)
  announce({ kind: 'done', text: label, action: { label: t().undo, run: undo } })
}

export function undo(): void {
  const last = undoable.pop()
  if (last) revert(last, redoable, t().undone(last.label))
}

export function redo(): void {
  const last = redoable.pop()
  if (last) revert(last, undoable, t().redone(last.label))
}

function revert(done: Done, into: Done[], text: string): void {
  const { label } = done
  const writes: Enqueued[] = []
  for (const { key, change, inverse } of [...done.writes.values()].reverse()) {
    if (change !== undefined) writes.push(enqueue([{ op: 'undo', change }], label, inverse))
    else if (!discard(key)) done.isUnwanted = true
  }
  if (done.isUnwanted) undoable.push(done)
  if (writes.length > 0) push(into, label, writes)
  announce({ kind: 'done', text })
}

function push(stack: Done[], label: string, writes: readonly Enqueued[]): void {
  stack.push({ label, writes: new Map(writes.map(one => [one.key, one])) })
  if (stack.length > 100) stack.shift()
}

onSettled.listener = (key, change) => {
  for (const stack of [undoable, redoable]) {
    const found = stack.find(({ writes }) => writes.has(key))
    const write = found?.writes.get(key)
    if (!found || !write) continue
    if (change === undefined) found.writes.delete(key)
    else found.writes.set(key, { ...write, change })
    if (found.isUnwanted && [...found.writes.values()].every(one => one.change !== undefined)) {
      stack.splice(stack.indexOf(found), 1)
      delete found.isUnwanted
      revert(found, redoable, t().undone(found.label))
    }
  }
}
