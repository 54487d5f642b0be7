import { openTask, type View } from '../app/address.ts'
import { completeTask } from '../model/actions.ts'
import { isOverdue } from '../model/dates.ts'
import { state, update } from '../model/store.ts'
import type { List, Task } from '../model/types.ts'
import { dueOf } from '../model/views.ts'
import { Icon } from '../parts/icon.tsx'
import { memo } from '../parts/memo.ts'
import { whenText } from '../parts/when-text.ts'
import { t } from '../texts/texts.ts'

interface ContentProps {
  readonly task: Task
  readonly heading: string | undefined
  readonly isActive: boolean
  readonly isSelected: boolean
  readonly isOpen: boolean
  readonly isMovable: boolean
  readonly view: View
  readonly onFocus: (id: number) => void
  /** Changes when dates are formatted differently: with each minute, language and setting. */
  readonly moment: object
}

interface TaskRowProps extends ContentProps {
  readonly depth: number
  readonly index: number
  readonly count: number
  readonly top: number
}

/** A row. When rows are added or removed above it, only its position changes. */
export function TaskRow({ depth, index, count, top, ...content }: TaskRowProps) {
  const { task, heading, isSelected, isOpen } = content
  const classes = [
    'task',
    isSelected && 'is-selected',
    isOpen && 'is-open',
    task.is_completed && 'is-completed',
  ]
  const list = content.view !== 'list' && task.list_id !== null ? state.lists.get(task.list_id) : undefined
  return (
    <li
      class={classes.filter(Boolean).join(' ')}
      style={{ top: `${top}px`, paddingInlineStart: `${depth * 1.6}rem` }}
      aria-setsize={count}
      aria-posinset={index + 1}
      data-index={index}
      data-heading={heading}
    >
      <Content {...content} list={list} />
    </li>
  )
}

const Content = memo(function Content(props: ContentProps & { readonly list: List | undefined }) {
  const { task, isActive, isSelected, isOpen, isMovable, onFocus } = props
  const { id, title, is_completed, priority } = task
  const tabIndex = isActive ? 0 : -1
  const choose = (event: MouseEvent) => {
    // The list selects the rows up to this one.
    if (event.shiftKey) return
    if (event.ctrlKey || event.metaKey || state.selected.size > 0) toggleSelected(id)
    else openTask(id)
  }
  return (
    <>
      {isMovable ? (
        <span class="grip" aria-hidden="true">
          <Icon name="grip" />
        </span>
      ) : null}
      <input
        type="checkbox"
        class={`check priority-${priority ?? 'none'}`}
        checked={is_completed}
        tabIndex={tabIndex}
        aria-label={t().complete(title)}
        onFocus={() => onFocus(id)}
        onChange={() => completeTask(task)}
      />
      <button
        type="button"
        class="task-title"
        tabIndex={tabIndex}
        aria-current={isOpen ? 'true' : undefined}
        aria-description={isSelected ? t().selected : undefined}
        onFocus={() => onFocus(id)}
        onClick={choose}
      >
        <span class="task-text" dir="auto">
          {title}
        </span>
        <TaskFacts {...props} />
      </button>
    </>
  )
})

/** The other properties of the task in its row. */
function TaskFacts({ task, heading, list }: ContentProps & { readonly list: List | undefined }) {
  const { description, tags, priority, deadline } = task
  const due = dueOf(task)
  return (
    <span class="facts">
      {heading === undefined ? null : <span class="hidden">{heading}</span>}
      {priority ? <span class="hidden">{t().priorities[priority]}</span> : null}
      {description ? <Icon name="note" /> : null}
      {tags.slice(0, 3).map(tag => (
        <span key={tag} class="fact tag" dir="auto">
          {tag}
        </span>
      ))}
      {list ? (
        <span class="fact" dir="auto">
          {list.name}
        </span>
      ) : null}
      {deadline ? (
        <span class="fact">
          <Icon name="flag" />
          {whenText({ date: deadline })}
        </span>
      ) : null}
      {due ? <span class={`fact due ${isOverdue(task) ? 'is-overdue' : ''}`}>{whenText(due)}</span> : null}
    </span>
  )
}

export function toggleSelected(id: number): void {
  const selected = new Set(state.selected)
  if (!selected.delete(id)) selected.add(id)
  update({ selected })
}
