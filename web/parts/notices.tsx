import { useEffect, useRef, useState } from 'preact/hooks'
import { go } from '../app/address.ts'
import { dismiss, type Notice, onNotices } from '../model/notices.ts'
import { t } from '../texts/texts.ts'
import { afterPaint } from './after-paint.ts'
import { Icon } from './icon.tsx'

/**
 * Notices cover the lower edge of the screen, and content behind them can be scrolled into view.
 */
export function Notices() {
  const [notices, setNotices] = useState<readonly Notice[]>([])
  const box = useRef<HTMLDivElement>(null)
  // A new task is shown first.
  useEffect(() => onNotices(next => afterPaint(() => setNotices(next))), [])
  useEffect(() => {
    const root = document.documentElement
    root.style.setProperty('--notices', `${box.current?.offsetHeight ?? 0}px`)
    const focused = document.querySelector(':focus')
    const edges = focused?.getBoundingClientRect()
    const first = box.current?.firstElementChild?.getBoundingClientRect()
    if (!edges || !first || edges.top > innerHeight || edges.bottom < first.top) return
    if (edges.left < first.right && edges.right > first.left) focused?.scrollIntoView({ block: 'nearest' })
  }, [notices])
  return (
    <div ref={box} class="notices" role="status" aria-live="polite">
      {notices.map(notice => (
        <NoticeBox key={notice.id} notice={notice} />
      ))}
    </div>
  )
}

function NoticeBox({ notice }: { readonly notice: Notice }) {
  const { id, kind, text, action } = notice
  const isProblem = kind === 'problem'
  const choose = () => {
    dismiss(id)
    if (isProblem) go({ view: 'waiting' })
    else action?.run()
  }
  const label = isProblem ? t().show : action?.label
  return (
    <div class={`notice notice-${kind}`}>
      <span dir="auto">{isProblem ? t().notAccepted : text}</span>
      {label === undefined ? null : (
        <button type="button" class="link-button" onClick={choose}>
          {label}
        </button>
      )}
      <button type="button" class="icon-button" aria-label={t().dismiss} onClick={() => dismiss(id)}>
        <Icon name="close" />
      </button>
    </div>
  )
}
