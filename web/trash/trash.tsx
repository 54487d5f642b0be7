import { useEffect, useState } from 'preact/hooks'
import { act } from '../model/actions.ts'
import { call, get } from '../model/api.ts'
import { formatInstant } from '../model/dates.ts'
import { useStore } from '../model/store.ts'
import type { TrashPage } from '../model/types.ts'
import { Dialog } from '../parts/dialog.tsx'
import { problemOf } from '../parts/problem.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'

type Item = TrashPage['items'][number]

/** The item whose permanent removal the user has to confirm. */
interface Deletion {
  readonly path: string
  readonly title: string
  readonly about: string
}

/** Deleted items, newest first. They are read from the server, so this needs a network. */
export function Trash() {
  const [items, setItems] = useState<readonly Item[] | undefined>()
  const [cursor, setCursor] = useState<string | null>(null)
  const [problem, setProblem] = useState('')
  const [deletion, setDeletion] = useState<Deletion | undefined>()
  const version = useStore(state => state.version)
  const load = async (from?: string) => {
    const page = await get<TrashPage>('/trash', from === undefined ? {} : { cursor: from })
    setItems(shown => (from === undefined ? page.items : [...(shown ?? []), ...page.items]))
    setCursor(page.next_cursor)
    setProblem('')
  }
  const attempt = (run: () => Promise<void>) => run().catch(error => setProblem(problemOf(error)))
  useEffect(() => {
    void attempt(load)
  }, [version])
  const restore = (item: Item) => {
    const { type } = item
    const { id, name } = contentOf(item)
    act([{ op: type === 'task' ? 'restore' : 'restore_list', id }], tl().restored(name))
    setItems(shown => shown?.filter(one => one !== item))
  }
  const remove = ({ path }: Deletion) =>
    attempt(async () => {
      setDeletion(undefined)
      await call({ method: 'DELETE', path })
      await load()
    })
  const empty = { path: '/trash', title: tl().emptyTrash, about: tl().emptyTrashAbout }
  const ask = (item: Item) => {
    const { id, name } = contentOf(item)
    setDeletion({
      path: `/trash/${item.type}/${id}`,
      title: tl().deleteForever,
      about: tl().deleteForeverAbout(name),
    })
  }
  return (
    <section class="screen">
      <header class="screen-head">
        <h1>{t().views.trash}</h1>
        {items && items.length > 0 ? (
          <button type="button" class="button danger" onClick={() => setDeletion(empty)}>
            {tl().emptyTrash}
          </button>
        ) : null}
      </header>
      <p role="status" class="quiet">
        {problem || (!items ? t().loading : items.length === 0 ? t().emptyViews.trash : tl().trashAbout)}
      </p>
      <ul class="rows">
        {items?.map(item => (
          <li key={`${item.type}:${contentOf(item).id}`}>
            <span class="row-text" dir="auto">
              {contentOf(item).name}
              <span class="quiet">
                {item.type === 'list' ? `${t().list} · ` : ''}
                {formatInstant(item.deleted_at)}
              </span>
            </span>
            <span class="actions">
              <button type="button" class="button" onClick={() => restore(item)}>
                {tl().restore}
              </button>
              <button type="button" class="button danger" onClick={() => ask(item)}>
                {tl().deleteForever}
              </button>
            </span>
          </li>
        ))}
      </ul>
      {cursor === null ? null : (
        <button type="button" class="button" onClick={() => attempt(() => load(cursor))}>
          {tl().more}
        </button>
      )}
      {deletion ? (
        <Dialog title={deletion.title} onClose={() => setDeletion(undefined)}>
          <p dir="auto">{deletion.about}</p>
          <button type="button" class="button danger" onClick={() => remove(deletion)}>
            {deletion.title}
          </button>
        </Dialog>
      ) : null}
    </section>
  )
}

const contentOf = (item: Item): { id: number; name: string } =>
  item.type === 'task' ? { id: item.task.id, name: item.task.title } : item.list
