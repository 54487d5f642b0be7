import { useEffect, useRef, useState } from 'preact/hooks'
import { byPosition } from '../../client/sync/positions.ts'
import { state, useStore } from '../model/store.ts'
import type { List } from '../model/types.ts'
import { activeLists, countOpen } from '../model/views.ts'
import type { IconName } from '../parts/icon.tsx'
import { lazy } from '../parts/lazy.tsx'
import { t } from '../texts/texts.ts'
import { type Address, hashOf } from './address.ts'
import { loadLater } from './load-later.ts'
import { NavLink } from './nav-link.tsx'
import { isTyping } from './shortcuts.ts'
import { SyncStatus } from './sync-status.tsx'

const NewList = lazy(() => loadLater().then(it => it.NewList))

interface SidebarProps {
  readonly address: Address
  readonly isOpen: boolean
  readonly close: () => void
}

export function Sidebar({ address, isOpen, close }: SidebarProps) {
  const version = useStore(from => from.version)
  const [counts, setCounts] = useState<ReturnType<typeof countOpen>>()
  // After the tasks are painted, and not of some of them.
  useEffect(() => {
    if (state.isLoaded) setCounts(countOpen())
  }, [version])
  const nav = useRef<HTMLElement>(null)
  useEffect(() => {
    if (!isOpen) return
    nav.current?.querySelector<HTMLElement>('a')?.focus()
    return () => {
      if (!isTyping(document.activeElement)) document.querySelector<HTMLElement>('.top-bar button')?.focus()
    }
  }, [isOpen])
  const archived = [...state.lists.values()].filter(({ is_archived }) => is_archived).sort(byPosition)
  const listItem = ({ id, name, color }: List) => (
    <NavLink
      key={id}
      to={hashOf({ view: 'list', list: id })}
      isCurrent={address.view === 'list' && address.list === id}
      icon="list"
      color={color}
      label={name}
      count={counts?.lists.get(id)}
      list={id}
    />
  )
  const item = (view: IconName & Address['view'], count?: number) => (
    <NavLink
      to={hashOf({ view })}
      isCurrent={address.view === view}
      icon={view}
      label={t().views[view]}
      count={count}
      list={view === 'inbox' ? '' : undefined}
    />
  )
  return (
    <>
      {isOpen ? <button type="button" class="veil" aria-label={t().close} onClick={close} /> : null}
      <nav
        ref={nav}
        class={`sidebar ${isOpen ? 'is-open' : ''}`}
        aria-label={t().navigation}
        onKeyDown={event => event.key === 'Escape' && close()}
      >
        <a class="brand" href="#/inbox">
          <img src="./app/icon.svg" alt="" width="26" height="26" />
          Duly
        </a>
        <ul>
          {item('inbox', counts?.inbox)}
          {item('today', counts?.today)}
          {item('upcoming')}
          {item('search')}
          {item('completed')}
          {item('trash')}
        </ul>
        <h2 id="lists">{t().lists}</h2>
        <ul aria-labelledby="lists">{activeLists().map(listItem)}</ul>
        <NewList />
        {archived.length === 0 ? null : (
          <details class="archived">
            <summary>{t().archived}</summary>
            <ul>{archived.map(listItem)}</ul>
          </details>
        )}
        <div class="sidebar-end">
          <SyncStatus />
          <ul>{item('account')}</ul>
        </div>
      </nav>
    </>
  )
}
