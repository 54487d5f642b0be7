import { state } from '../model/store.ts'
import { t } from '../texts/texts.ts'
import type { Address } from './address.ts'

/** The heading of a view. */
export function titleOf({ view, list }: Pick<Address, 'view' | 'list'>): string {
  if (view === 'list') return state.lists.get(list ?? 0)?.name ?? t().list
  return t().views[view]
}
