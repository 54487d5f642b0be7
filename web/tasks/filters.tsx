import { useEffect, useState } from 'preact/hooks'
import { type Address, go } from '../app/address.ts'
import { useStore } from '../model/store.ts'
import { tagsInUse } from '../model/views.ts'
import { t } from '../texts/texts.ts'

const frequentTags = (): string => tagsInUse().slice(0, 12).join()

const priorities = ['high', 'medium', 'low'] as const

/** Filters by priority and tag, which are part of the URL. */
export function Filters({ address }: { readonly address: Address }) {
  const version = useStore(state => state.version)
  // As a text, since most changes leave them as they are.
  const [used, setUsed] = useState(frequentTags)
  // After the tasks are painted.
  useEffect(() => setUsed(frequentTags()), [version])
  const tags = [...new Set([...address.tags, ...used.split(',').filter(Boolean)])]
  const isUsed = address.tags.length + address.priorities.length > 0
  if (tags.length === 0 && !isUsed) return null
  return (
    <fieldset class="filters">
      <legend class="hidden">{t().filters}</legend>
      {priorities.map(name => (
        <Chip
          key={name}
          label={t().priorities[name]}
          kind={`priority-${name}`}
          isOn={address.priorities.includes(name)}
          toggle={() => go({ priorities: toggled(address.priorities, name) }, true)}
        />
      ))}
      {tags.map(tag => (
        <Chip
          key={`#${tag}`}
          label={tag}
          kind="tag"
          isOn={address.tags.includes(tag)}
          toggle={() => go({ tags: toggled(address.tags, tag) }, true)}
        />
      ))}
    </fieldset>
  )
}

interface ChipProps {
  readonly label: string
  readonly kind: string
  readonly isOn: boolean
  readonly toggle: () => void
}

function Chip({ label, kind, isOn, toggle }: ChipProps) {
  return (
    <button type="button" class={`chip ${kind}`} aria-pressed={isOn} onClick={toggle} dir="auto">
      {label}
    </button>
  )
}

const toggled = (values: readonly string[], value: string): string[] =>
  values.includes(value) ? values.filter(one => one !== value) : [...values, value]
