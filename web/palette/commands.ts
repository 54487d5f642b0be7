import { go, openTask, readAddress } from '../app/address.ts'
import { choose, chosen } from '../app/appearance.ts'
import { focusEntry } from '../app/shortcuts.ts'
import { completeTask, deleteTasks } from '../model/actions.ts'
import { duplicateTask } from '../model/copy-task.ts'
import { state } from '../model/store.ts'
import { redo, undo } from '../model/undo.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'

export interface Command {
  readonly label: string
  readonly hint: string
  run(): void
}

const most = 30

/** Commands, views, lists and tasks whose names contain every word. */
export function commandsFor(query: string): readonly Command[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const matches = (label: string) => words.every(word => label.toLowerCase().includes(word))
  const found = [...commands(), ...places()].filter(({ label }) => matches(label))
  if (words.length === 0) return found.slice(0, most)
  for (const task of state.tasks.values()) {
    if (found.length >= most) break
    if (matches(task.title)) found.push({ label: task.title, hint: tl().task, run: () => openTask(task.id) })
  }
  const search = {
    label: tl().searchFor(query.trim()),
    hint: '',
    run: () => go({ view: 'search', query: query.trim() }),
  }
  return [...found, search]
}

function commands(): Command[] {
  const open = state.tasks.get(readAddress().task ?? 0)
  const next = chosen('theme') === 'dark' ? 'light' : 'dark'
  return [
    { label: t().addTask, hint: 'N', run: focusEntry },
    ...(open
      ? [
          { label: tl().completeOpen, hint: tl().task, run: () => completeTask(open) },
          { label: tl().duplicate, hint: tl().task, run: () => duplicateTask(open) },
          { label: tl().delete, hint: tl().task, run: () => deleteTasks([open.id]) },
        ]
      : []),
    { label: t().undo, hint: 'Ctrl+Z', run: undo },
    { label: tl().redo, hint: 'Ctrl+Shift+Z', run: redo },
    { label: tl().switchTheme, hint: '', run: () => choose('theme', next) },
  ]
}

function places(): Command[] {
  const views = ['inbox', 'today', 'upcoming', 'completed', 'search', 'trash', 'account', 'waiting'] as const
  return [
    ...views.map(view => ({ label: t().views[view], hint: tl().view, run: () => go({ view }) })),
    ...[...state.lists.values()].map(({ id, name }) => ({
      label: name,
      hint: t().list,
      run: () => go({ view: 'list', list: id }),
    })),
  ]
}
