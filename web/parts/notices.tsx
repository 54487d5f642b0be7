import { useEffect, useState } from 'preact/hooks'
import { go } from '../app/address.ts'
import { dismiss, type Notice, onNotices } from '../model/notices.ts'
import { t } from '../texts/texts.ts'
import { Icon } from './icon.tsx'

export function Notices() {
  const [notices, setNotices] = useState<readonly Notice[]>([])
  useEffect(() => onNotices(setNotices), [])
  return (
    <div class="notices" role="status" aria-live="polite">
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
