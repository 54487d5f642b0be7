import { useState } from 'preact/hooks'
import { openTask } from '../app/address.ts'
import { completeTask, createTask } from '../model/actions.ts'
import { childrenOf, stableId } from '../model/copy.ts'
import type { Task } from '../model/types.ts'
import { Icon } from '../parts/icon.tsx'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'

export function Subtasks({ task }: { readonly task: Task }) {
  const [title, setTitle] = useState('')
  const children = childrenOf(task.id, task.list_id)
  const add = (event: Event) => {
    event.preventDefault()
    if (title.trim() === '') return
    setTitle('')
    createTask({ title: title.trim(), parent_id: task.id, list_id: task.list_id })
  }
  return (
    <section class="subtasks">
      <h3>{tl().subtasks}</h3>
      <ul>
        {children.map(child => (
          <li key={stableId(child.id)} class={child.is_completed ? 'is-completed' : ''}>
            <input
              type="checkbox"
              class={`check priority-${child.priority ?? 'none'}`}
              checked={child.is_completed}
              aria-label={t().complete(child.title)}
              onChange={() => completeTask(child)}
            />
            <button type="button" class="subtask-title" dir="auto" onClick={() => openTask(child.id)}>
              {child.title}
            </button>
          </li>
        ))}
      </ul>
      <form class="entry small" onSubmit={add}>
        <Icon name="plus" />
        <input
          aria-label={tl().addSubtask}
          placeholder={tl().addSubtask}
          value={title}
          maxLength={500}
          autocomplete="off"
          dir="auto"
          onInput={event => setTitle(event.currentTarget.value)}
        />
      </form>
    </section>
  )
}
