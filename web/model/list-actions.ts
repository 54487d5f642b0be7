import { t } from '../texts/texts.ts'
import { enqueue } from './outbox.ts'
import { state } from './store.ts'
import type { Effect, List, Settings } from './types.ts'
import { record } from './undo.ts'

export function changeList(list: List, fields: Partial<Pick<List, 'name' | 'color' | 'is_archived'>>): void {
  const label = t().changedList(list.name)
  const effects: Effect[] = [{ type: 'list', id: list.id, set: { ...fields } }]
  record(label, [enqueue({ method: 'PATCH', path: `/lists/${list.id}`, json: fields, effects, label })])
}

export function deleteList(list: List): void {
  const label = t().deletedList(list.name)
  const effects: Effect[] = [{ type: 'list', id: list.id, set: null }]
  for (const task of state.tasks.values())
    if (task.list_id === list.id) effects.push({ type: 'task', id: task.id, set: null })
  record(label, [enqueue({ method: 'DELETE', path: `/lists/${list.id}`, effects, label })])
}

export function changeSettings(fields: Partial<Settings>): void {
  const label = t().changedSettings
  const effects: Effect[] = [{ type: 'settings', id: 0, set: { ...fields } }]
  enqueue({ method: 'PATCH', path: '/settings', json: fields, effects, label })
}
