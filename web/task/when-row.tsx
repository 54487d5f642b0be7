import { useState } from 'preact/hooks'
import type { When } from '../model/types.ts'
import { whenText } from '../parts/when-text.ts'
import { tl } from '../texts/later-texts.ts'
import { WhenDialog } from './when-dialog.tsx'

interface WhenRowProps {
  readonly label: string
  readonly value: When | null
  readonly isLate?: boolean
  readonly isDateOnly?: boolean
  readonly onChange: (value: When | null) => void
}

/** A date of a task, as a button that opens the dialog to choose it. */
export function WhenRow({ label, value, isLate = false, isDateOnly = false, onChange }: WhenRowProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <div class="fact-row">
      <span aria-hidden="true">{label}</span>
      <button
        type="button"
        class={`when ${isLate ? 'is-overdue' : ''}`}
        aria-label={`${label}: ${value ? whenText(value) : tl().none}`}
        onClick={() => setOpen(true)}
      >
        {value ? whenText(value) : tl().none}
      </button>
      {isOpen ? (
        <WhenDialog
          title={label}
          value={value}
          isDateOnly={isDateOnly}
          onClose={() => setOpen(false)}
          onChange={onChange}
        />
      ) : null}
    </div>
  )
}
