import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Address } from '../app/address.ts'
import { titleOf } from '../app/titles.ts'
import { update, useStore } from '../model/store.ts'
import { rowsOf } from '../model/views.ts'
import { lazy } from '../parts/lazy.tsx'
import { Empty } from './empty.tsx'
import { Filters } from './filters.tsx'
import { QuickEntry } from './quick-entry.tsx'
import { TaskList } from './task-list.tsx'

const ListMenu = lazy(() => import('./list-menu.tsx').then(it => it.ListMenu))
const SearchField = lazy(() => import('./search-field.tsx').then(it => it.SearchField))
const SelectionBar = lazy(() => import('./selection-bar.tsx').then(it => it.SelectionBar))

/** A view of tasks: its title, a field to add one, filters, and the tasks. */
export function TasksScreen({ address }: { readonly address: Address }) {
  const version = useStore(state => state.version)
  const isLoaded = useStore(state => state.isLoaded)
  const selected = useStore(state => state.selected)
  const { view, list, query, tags, priorities } = address
  const minute = useMinute()
  const { lang } = document.documentElement
  const settings = useStore(state => state.settings)
  const moment = useMemo(() => ({}), [minute, lang, settings])
  const rows = useMemo(
    () => rowsOf(address),
    [version, moment, view, list, query, tags.join(), priorities.join()],
  )
  const place = `${view}/${list}`
  const last = useRef(place)
  if (last.current !== place) {
    last.current = place
    if (selected.size > 0) update({ selected: new Set() })
  }
  return (
    <section class="screen">
      <header class="screen-head">
        <h1 dir="auto">{titleOf(address)}</h1>
        {view === 'list' ? <ListMenu id={list ?? 0} /> : null}
      </header>
      {view === 'search' ? (
        <SearchField query={query} />
      ) : view === 'completed' ? null : (
        <QuickEntry address={address} />
      )}
      <Filters address={address} />
      {rows.length === 0 ? (
        <Empty address={address} isLoaded={isLoaded} />
      ) : (
        <TaskList key={place} rows={rows} address={address} moment={moment} />
      )}
      {selected.size > 0 ? <SelectionBar selected={selected} /> : null}
    </section>
  )
}

/** Increases each minute, since due and overdue tasks depend on the time. */
function useMinute(): number {
  const [minute, setMinute] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setMinute(n => n + 1), 60_000)
    return () => clearInterval(timer)
  }, [])
  return minute
}
