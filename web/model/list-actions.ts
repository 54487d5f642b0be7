import type { ListChange } from '../../client/lists.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'
import { act } from './actions.ts'
import { enqueue } from './copy.ts'
import type { List, Settings } from './types.ts'
import { activeLists } from './views.ts'

/** Moves a list past the one above it, or below it. */
export function moveList(list: List, by: -1 | 1): void {
  const lists = activeLists(list.id)
  const other = lists[lists.indexOf(list) + by]
  if (!other) return
  const place = by < 0 ? { before: other.id } : { after: other.id }
  act([{ op: 'move_list', id: list.id, ...place }], tl().changedList(list.name))
}

export const changeList = ({ id, name }: List, changes: ListChange): void =>
  act([{ op: 'update_list', id, changes }], tl().changedList(name))

export const deleteList = ({ id, name }: List): void =>
  act([{ op: 'delete_list', id }], tl().deletedList(name))

export function changeSettings(changes: Partial<Settings>): void {
  enqueue([{ op: 'settings', changes }], t().changedSettings)
}
