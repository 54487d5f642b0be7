import { useState } from 'preact/hooks'
import { changeTasks, deleteTasks } from '../model/actions.ts'
import { update } from '../model/store.ts'
import type { Priority } from '../model/types.ts'
import { activeLists } from '../model/views.ts'
import { Icon } from '../parts/icon.tsx'
import { WhenDialog } from '../task/when-dialog.tsx'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'

/** Actions on several tasks. Each is one change, which one undo reverts. */
export function SelectionBar({ selected }: { readonly selected: ReadonlySet<number> }) {
  const [isDating, setDating] = useState(false)
  const label = tl().changedTasks(selected.size)
  const clear = () => update({ selected: new Set() })
  const addTag = (tag: string) =>
    changeTasks(
      selected,
      ({ tags }) => ({ tags: tags.includes(tag) || tags.length >= 20 ? tags : [...tags, tag] }),
      label,
    )
  return (
    <section class="selection" aria-label={tl().selection}>
      <button type="button" class="icon-button" aria-label={tl().clearSelection} onClick={clear}>
        <Icon name="close" />
      </button>
      <strong role="status">{tl().selectedCount(selected.size)}</strong>
      <button
        type="button"
        class="button"
        onClick={() => {
          changeTasks(selected, { is_completed: true }, label)
          clear()
        }}
      >
        {tl().completeAll}
      </button>
      <button type="button" class="button" onClick={() => setDating(true)}>
        {tl().due}
      </button>
      <select
        class="button"
        aria-label={tl().priority}
        value=""
        onChange={event => {
          const { value } = event.currentTarget
          changeTasks(selected, { priority: value === 'none' ? null : (value as Priority) }, label)
          event.currentTarget.value = ''
        }}
      >
        <option value="">{tl().priority}</option>
        {(['high', 'medium', 'low', 'none'] as const).map(name => (
          <option key={name} value={name}>
            {t().priorities[name]}
          </option>
        ))}
      </select>
      <select
        class="button"
        aria-label={tl().moveToList}
        value=""
        onChange={event => {
          const { value } = event.currentTarget
          changeTasks(selected, { list_id: value === 'inbox' ? null : Number(value) }, label)
          clear()
        }}
      >
        <option value="">{tl().moveToList}</option>
        <option value="inbox">{t().views.inbox}</option>
        {activeLists().map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      <input
        class="button tag-entry"
        aria-label={tl().addTag}
        placeholder={tl().addTag}
        maxLength={50}
        onKeyDown={event => {
          const tag = event.currentTarget.value.replaceAll(',', '').trim()
          if (event.key !== 'Enter' || tag === '') return
          addTag(tag)
          event.currentTarget.value = ''
        }}
      />
      <button type="button" class="button danger" onClick={() => deleteTasks(selected)}>
        {tl().delete}
      </button>
      {isDating ? (
        <WhenDialog
          title={tl().due}
          value={null}
          onClose={() => setDating(false)}
          onChange={due => changeTasks(selected, { due: due as never }, label)}
        />
      ) : null}
    </section>
  )
}
