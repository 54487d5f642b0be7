import { openTask, type View } from '../app/address.ts'
import { completeTask } from '../model/actions.ts'
import { isOverdue } from '../model/dates.ts'
import { state, update } from '../model/store.ts'
import { dueOf, type Row } from '../model/views.ts'
import { Icon } from '../parts/icon.tsx'
import { memo } from '../parts/memo.ts'
import { whenText } from '../parts/when-text.ts'
import { t } from '../texts/texts.ts'

interface TaskRowProps {
  readonly row: Row
  readonly index: number
  readonly count: number
  readonly top: number
  readonly isActive: boolean
  readonly isSelected: boolean
  readonly isOpen: boolean
  readonly isMovable: boolean
  readonly view: View
  readonly onFocus: (id: number) => void
}

export const TaskRow = memo(function TaskRow(props: TaskRowProps) {
  const { row, index, count, top, isActive, isSelected, isOpen, isMovable, view, onFocus } = props
  const { task, depth, heading } = row
  const { id, title, is_completed, priority } = task
  const tabIndex = isActive ? 0 : -1
  const classes = ['task', isSelected && 'is-selected', isOpen && 'is-open', is_completed && 'is-completed']
  const choose = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || state.selected.size > 0) toggleSelected(id)
    else openTask(id)
  }
  return (
    <li
      class={classes.filter(Boolean).join(' ')}
      style={{ top: `${top}px`, paddingInlineStart: `${depth * 1.6}rem` }}
      aria-setsize={count}
      aria-posinset={index + 1}
      data-index={index}
      data-heading={heading}
    >
      {isMovable ? (
        <span class="grip" data-grip={index} aria-hidden="true">
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
        <TaskFacts row={row} view={view} />
      </button>
    </li>
  )
})

/** What else the row says about its task. */
function TaskFacts({ row, view }: { readonly row: Row; readonly view: View }) {
  const { task, heading } = row
  const { description, tags, priority, deadline, list_id } = task
  const due = dueOf(task)
  const list = view !== 'list' && list_id !== null ? state.lists.get(list_id) : undefined
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
