import { go } from '../app/address.ts'
import { focus, focusList } from '../parts/focus.ts'
import { Icon } from '../parts/icon.tsx'
import { tl } from '../texts/later-texts.ts'

export function SearchField({ query }: { readonly query: string }) {
  return (
    <div class="entry">
      <Icon name="search" />
      <input
        type="search"
        id="entry"
        ref={focus}
        aria-label={tl().search}
        placeholder={tl().search}
        value={query}
        autocomplete="off"
        dir="auto"
        onInput={event => go({ query: event.currentTarget.value }, true)}
        onKeyDown={event => event.key === 'ArrowDown' && focusList()}
      />
    </div>
  )
}
