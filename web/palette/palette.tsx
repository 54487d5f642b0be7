import { useEffect, useState } from 'preact/hooks'
import { Dialog } from '../parts/dialog.tsx'
import { focus } from '../parts/focus.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'
import { commandsFor } from './commands.ts'

/** Finds a command, a view, a list or a task by its name. */
export function Palette({ close }: { readonly close: () => void }) {
  const [query, setQuery] = useState('')
  const [chosen, setChosen] = useState(0)
  const commands = commandsFor(query)
  const current = Math.min(chosen, commands.length - 1)
  useEffect(() => {
    document.getElementById(`command-${current}`)?.scrollIntoView({ block: 'nearest' })
  }, [current])
  const run = (n: number) => {
    close()
    // After the dialog has restored the focus.
    setTimeout(() => commands[n]?.run())
  }
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === 'Enter') run(current)
    else if (step !== undefined) setChosen((current + step + commands.length) % Math.max(commands.length, 1))
    else return
    event.preventDefault()
  }
  return (
    <Dialog title={t().commands} onClose={close} class="palette" bare>
      <input
        ref={focus}
        role="combobox"
        aria-expanded="true"
        aria-controls="commands"
        aria-activedescendant={commands.length > 0 ? `command-${current}` : undefined}
        aria-label={t().commands}
        placeholder={tl().commandExample}
        autocomplete="off"
        dir="auto"
        value={query}
        onInput={event => {
          setQuery(event.currentTarget.value)
          setChosen(0)
        }}
        onKeyDown={press}
      />
      <div id="commands" role="listbox" aria-label={t().commands}>
        {commands.map(({ label, hint }, n) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
          // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field
          <div
            key={`${hint}${label}${n}`}
            id={`command-${n}`}
            role="option"
            aria-selected={n === current}
            onClick={() => run(n)}
          >
            <span dir="auto">{label}</span>
            <span class="quiet">{hint}</span>
          </div>
        ))}
      </div>
      {commands.length === 0 ? <p class="quiet">{t().nothingFound}</p> : null}
    </Dialog>
  )
}
