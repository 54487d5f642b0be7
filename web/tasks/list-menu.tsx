import { useState } from 'preact/hooks'
import { go } from '../app/address.ts'
import { changeList, deleteList, moveList } from '../model/list-actions.ts'
import { state } from '../model/store.ts'
import { Dialog } from '../parts/dialog.tsx'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'

const colors = ['#b3443c', '#a8641a', '#7d7a1c', '#3f7d3a', '#1f6f5c', '#2b6cb0', '#6b54b8', '#a2467f']

/** Renames, colours, archives and deletes a list. */
export function ListMenu({ id }: { readonly id: number }) {
  const [isOpen, setOpen] = useState(false)
  const list = state.lists.get(id)
  if (!list) return null
  const rename = (name: string) => {
    if (name.trim() !== '' && name.trim() !== list.name) changeList(list, { name: name.trim() })
  }
  const remove = () => {
    setOpen(false)
    deleteList(list)
    go({ view: 'inbox' })
  }
  return (
    <>
      <button type="button" class="button quiet" onClick={() => setOpen(true)}>
        {tl().editList}
      </button>
      {isOpen ? (
        <Dialog title={tl().editList} onClose={() => setOpen(false)}>
          <label class="field">
            {t().nameOfList}
            <input
              value={list.name}
              maxLength={200}
              dir="auto"
              onChange={event => rename(event.currentTarget.value)}
            />
          </label>
          <fieldset class="colors">
            <legend>{tl().color}</legend>
            {[null, ...colors].map((color, n) => (
              <label key={color} class="color" style={color === null ? {} : { color }}>
                <input
                  type="radio"
                  name="color"
                  checked={list.color === color}
                  aria-label={tl().colorNames[n]}
                  onChange={() => changeList(list, { color })}
                />
              </label>
            ))}
          </fieldset>
          <p class="actions">
            <button type="button" class="button" onClick={() => moveList(list, -1)}>
              {tl().moveUp}
            </button>
            <button type="button" class="button" onClick={() => moveList(list, 1)}>
              {tl().moveDown}
            </button>
            <button
              type="button"
              class="button"
              onClick={() => changeList(list, { is_archived: !list.is_archived })}
            >
              {list.is_archived ? tl().unarchive : tl().archive}
            </button>
            <button type="button" class="button danger" onClick={remove}>
              {tl().deleteList}
            </button>
          </p>
        </Dialog>
      ) : null}
    </>
  )
}
