import type { Task } from '../model/types.ts'
import { tagsInUse } from '../model/views.ts'
import { Icon } from '../parts/icon.tsx'
import { tl } from '../texts/later-texts.ts'

interface TagsProps {
  readonly task: Task
  readonly change: (tags: string[]) => void
}

export function Tags({ task, change }: TagsProps) {
  const { tags } = task
  const add = (field: HTMLInputElement) => {
    const name = field.value.replaceAll(',', ' ').trim()
    field.value = ''
    const isNew = !tags.some(tag => tag.toLowerCase() === name.toLowerCase())
    if (name !== '' && isNew && tags.length < 20) change([...tags, name])
  }
  return (
    <div class="fact-row">
      <span id="tags-label">{tl().tags}</span>
      <div class="tag-list">
        <ul aria-labelledby="tags-label">
          {tags.map(tag => (
            <li key={tag} class="fact tag" dir="auto">
              {tag}
              <button
                type="button"
                aria-label={tl().removeTag(tag)}
                onClick={() => change(tags.filter(one => one !== tag))}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
        <input
          aria-label={tl().addTag}
          placeholder={tl().addTag}
          list="known-tags"
          maxLength={50}
          dir="auto"
          onKeyDown={event => {
            if (event.key !== 'Enter' && event.key !== ',') return
            event.preventDefault()
            add(event.currentTarget)
          }}
          onBlur={event => add(event.currentTarget)}
        />
        <datalist id="known-tags">
          {tagsInUse().map(tag => (
            <option key={tag} value={tag} />
          ))}
        </datalist>
      </div>
    </div>
  )
}
