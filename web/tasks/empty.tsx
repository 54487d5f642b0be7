import type { Address } from '../app/address.ts'
import { t } from '../texts/texts.ts'

export function Empty({ address, isLoaded }: { readonly address: Address; readonly isLoaded: boolean }) {
  const { view, query, tags, priorities } = address
  const isFiltered = query !== '' || tags.length > 0 || priorities.length > 0
  const text = !isLoaded ? t().loading : isFiltered ? t().nothingFound : t().emptyViews[view]
  return (
    <div class="empty">
      {isLoaded ? (
        <svg viewBox="0 0 64 64" aria-hidden="true">
          <circle cx="32" cy="32" r="24" />
          <path d="M21 33l8 8 15-17" />
        </svg>
      ) : null}
      <p role="status">{text}</p>
    </div>
  )
}
