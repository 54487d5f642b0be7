import { useStore } from '../model/store.ts'
import { Icon } from '../parts/icon.tsx'
import { t } from '../texts/texts.ts'
import type { Address } from './address.ts'
import { SyncStatus } from './sync-status.tsx'
import { titleOf } from './titles.ts'

interface TopBarProps {
  readonly address: Address
  readonly openMenu: () => void
  readonly openPalette: () => void
}

/** On a phone, this replaces the sidebar. */
export function TopBar({ address, openMenu, openPalette }: TopBarProps) {
  const title = useStore(() => titleOf(address))
  return (
    <header class="top-bar">
      <button type="button" class="icon-button" aria-label={t().menu} onClick={openMenu}>
        <Icon name="menu" />
      </button>
      <span class="top-title" dir="auto">
        {title}
      </span>
      <SyncStatus />
      <button type="button" class="icon-button" aria-label={t().commands} onClick={openPalette}>
        <Icon name="search" />
      </button>
    </header>
  )
}
