import { type Fields, moveTask } from '../model/actions.ts'
import { isOverdue } from '../model/dates.ts'
import type { Priority, Task, When } from '../model/types.ts'
import { activeLists } from '../model/views.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'
import { Tags } from './tags.tsx'
import { WhenRow } from './when-row.tsx'

interface FactsProps {
  readonly task: Task
  readonly change: (fields: Fields) => void
}

/** List, dates, priority, tags and estimate. */
export function Facts({ task, change }: FactsProps) {
  const move = (value: string) =>
    moveTask(task, { list_id: value === '' ? null : Number(value), parent_id: null })
  return (
    <div class="facts-grid">
      <label class="fact-row">
        <span>{t().list}</span>
        <select value={task.list_id ?? ''} onChange={event => move(event.currentTarget.value)}>
          <option value="">{t().views.inbox}</option>
          {activeLists(task.list_id).map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <WhenRow
        label={tl().due}
        value={task.due as When | null}
        isLate={isOverdue(task)}
        onChange={due => change({ due: due as Task['due'] })}
      />
      <WhenRow
        label={tl().start}
        value={task.start as When | null}
        onChange={start => change({ start: start as Task['start'] })}
      />
      <WhenRow
        label={tl().deadline}
        value={task.deadline ? { date: task.deadline } : null}
        isDateOnly
        onChange={deadline => change({ deadline: deadline?.date ?? null })}
      />
      <label class="fact-row">
        <span>{tl().priority}</span>
        <select
          value={task.priority ?? 'none'}
          onChange={event => {
            const { value } = event.currentTarget
            change({ priority: value === 'none' ? null : (value as Priority) })
          }}
        >
          {(['none', 'low', 'medium', 'high'] as const).map(name => (
            <option key={name} value={name}>
              {t().priorities[name]}
            </option>
          ))}
        </select>
      </label>
      <label class="fact-row">
        <span>{tl().estimate}</span>
        <input
          type="number"
          min={1}
          max={525_600}
          inputMode="numeric"
          placeholder={tl().minutes}
          value={task.estimate_minutes ?? ''}
          onChange={event => {
            const minutes = event.currentTarget.valueAsNumber
            change({ estimate_minutes: minutes >= 1 ? Math.min(Math.round(minutes), 525_600) : null })
          }}
        />
      </label>
      <Tags task={task} change={tags => change({ tags })} />
    </div>
  )
}
