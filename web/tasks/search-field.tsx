import { go } from '../app/address.ts'
import { focus } from '../parts/focus.ts'
import { Icon } from '../parts/icon.tsx'
import { t } from '../texts/texts.ts'

export function SearchField({ query }: { readonly query: string }) {
  return (
    <div class="entry">
      <Icon name="search" />
      <input
        type="search"
        id="entry"
        ref={focus}
        aria-label={t().search}
        placeholder={t().search}
        value={query}
        autocomplete="off"
        dir="auto"
        onInput={event => go({ query: event.currentTarget.value }, true)}
      />
    </div>
  )
}
