import { Dialog } from '../parts/dialog.tsx'
import { tl } from '../texts/later-texts.ts'

const keys = {
  anywhere: [
    'Ctrl+K',
    '?',
    'N',
    '/',
    'Ctrl+Z',
    'Ctrl+Shift+Z',
    'G I',
    'G T',
    'G U',
    'G C',
    'G D',
    'G A',
    'Esc',
  ],
  list: ['↑ ↓', 'Space', 'Enter', 'X', 'Shift+↑ ↓', '1 2 3 0', 'Alt+↑ ↓', 'Alt+→ ←', 'Delete'],
} as const

/** All shortcuts. */
export function ShortcutsSheet({ close }: { readonly close: () => void }) {
  return (
    <Dialog title={tl().shortcuts} onClose={close}>
      {(['anywhere', 'list'] as const).map(part => (
        <section key={part}>
          <h3>{tl().shortcutParts[part]}</h3>
          <dl class="keys">
            {keys[part].map((key, n) => (
              <div key={key}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{tl().shortcutTexts[part][n]}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  )
}
