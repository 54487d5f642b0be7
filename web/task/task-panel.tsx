import { useEffect, useRef } from 'preact/hooks'
import { closeTask } from '../app/address.ts'
import { changeTask, completeTask, deleteTasks, type Fields } from '../model/actions.ts'
import { realId, stableId } from '../model/copy.ts'
import { duplicateTask } from '../model/copy-task.ts'
import { formatInstant } from '../model/dates.ts'
import { state, useStore } from '../model/store.ts'
import type { Task } from '../model/types.ts'
import { Icon } from '../parts/icon.tsx'
import { toggleSelected } from '../tasks/task-row.tsx'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'
import { Description } from './description.tsx'
import { Facts } from './facts.tsx'
import { History } from './history.tsx'
import { Subtasks } from './subtasks.tsx'
import { Title } from './title.tsx'

/** The details of a task, beside the list; on a phone, over it. */
export function TaskPanel({ id, close }: { readonly id: number; readonly close: () => void }) {
  const task = useStore(from => from.tasks.get(realId(id)))
  const isLoaded = useStore(from => from.isLoaded)
  const panel = useRef<HTMLElement>(null)
  const isThere = task !== undefined
  useEffect(() => {
    const before = document.activeElement
    if (matchMedia('(max-width: 60rem)').matches) panel.current?.focus()
    return () => {
      // The focus may be elsewhere by now, for example moved by an arrow key.
      const isInside = panel.current?.contains(document.activeElement)
      if (isInside && before instanceof HTMLElement && before.isConnected)
        before.focus({ preventScroll: true })
    }
  }, [])
  useEffect(() => {
    if (isLoaded && !isThere) closeTask()
  }, [isLoaded, isThere])
  if (!task) return null
  return (
    <aside
      ref={panel}
      class="panel"
      tabIndex={-1}
      aria-label={tl().details}
      onKeyDown={event => isOwnEscape(event) && close()}
    >
      <Details key={stableId(task.id)} task={task} close={close} />
    </aside>
  )
}

/** Whether a key applies to the panel, and not to a dialog above it or an edited field. */
const isOwnEscape = ({ key, target, defaultPrevented }: KeyboardEvent): boolean =>
  key === 'Escape' && !defaultPrevented && !(target instanceof Element && target.closest('dialog'))

function Details({ task, close }: { readonly task: Task; readonly close: () => void }) {
  useStore(from => from.version)
  const isWaiting = useStore(({ writes }) =>
    writes.some(({ effects }) => effects.some(effect => effect.type === 'task' && effect.id === task.id)),
  )
  const change = (fields: Fields) => changeTask(task.id, fields, t().changedTask(task.title))
  const parent = task.parent_id === null ? undefined : state.tasks.get(task.parent_id)
  return (
    <>
      <header class="panel-head">
        {isWaiting ? (
          <span class="waiting">
            <Icon name="cloud" />
            {tl().waiting}
          </span>
        ) : null}
        <button type="button" class="icon-button" aria-label={t().close} onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      {parent ? (
        <a class="parent" href={`#/inbox?task=${parent.id}`} dir="auto">
          {parent.title}
        </a>
      ) : null}
      <div class="panel-title">
        <input
          type="checkbox"
          class={`check priority-${task.priority ?? 'none'}`}
          checked={task.is_completed}
          aria-label={t().complete(task.title)}
          onChange={() => completeTask(task)}
        />
        <Title task={task} change={title => change({ title })} />
      </div>
      <Facts task={task} change={change} />
      <Description task={task} change={description => change({ description })} />
      <Subtasks task={task} />
      {task.id > 0 ? <History id={task.id} /> : null}
      <footer class="panel-end">
        <button type="button" class="button" onClick={() => duplicateTask(task)}>
          <Icon name="copy" />
          {tl().duplicate}
        </button>
        <button
          type="button"
          class="button"
          onClick={() => {
            close()
            toggleSelected(task.id)
          }}
        >
          {tl().select}
        </button>
        <button
          type="button"
          class="button danger"
          onClick={() => {
            close()
            deleteTasks([task.id])
          }}
        >
          <Icon name="trash" />
          {tl().delete}
        </button>
        <p class="quiet">{tl().createdAt(formatInstant(task.created_at))}</p>
      </footer>
    </>
  )
}
