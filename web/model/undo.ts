import { t } from '../texts/texts.ts'
import { discard, enqueue, onSettled } from './copy.ts'
import { announce } from './notices.ts'

// What the user can undo. The server undoes a change: its history knows what each field was before.
// A write that was not sent yet is taken back instead.

interface Done {
  readonly label: string
  /** Of its writes, with the ids of their changes once the server has confirmed them. */
  readonly changes: Map<string, string | undefined>
  /** The user wants it undone as soon as its writes are confirmed. */
  isUnwanted?: boolean
}

const undoable: Done[] = []
const redoable: Done[] = []

/** Shows what was done, and lets the user undo it. */
export function record(label: string, keys: readonly string[]): void {
  redoable.length = 0
  push(undoable, { label, changes: new Map(keys.map(key => [key, undefined])) })
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
  const keys: string[] = []
  for (const [key, change] of [...done.changes].reverse()) {
    if (change !== undefined) keys.push(undoChange(change, done.label))
    else if (!discard(key)) done.isUnwanted = true
  }
  if (done.isUnwanted) push(undoable, done)
  if (keys.length > 0) push(into, { label: done.label, changes: new Map(keys.map(key => [key, undefined])) })
  announce({ kind: 'done', text })
}

const undoChange = (change: string, label: string): string => enqueue([{ op: 'undo', change }], label)

function push(stack: Done[], done: Done): void {
  stack.push(done)
  if (stack.length > 100) stack.shift()
}

onSettled.listener = (key, change) => {
  for (const stack of [undoable, redoable]) {
    const found = stack.find(({ changes }) => changes.has(key))
    if (!found) continue
    if (change === undefined) found.changes.delete(key)
    else found.changes.set(key, change)
    if (found.isUnwanted && [...found.changes.values()].every(one => one !== undefined)) {
      stack.splice(stack.indexOf(found), 1)
      delete found.isUnwanted
      revert(found, redoable, t().undone(found.label))
    }
  }
}
