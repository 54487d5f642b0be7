import { useRef } from 'preact/hooks'
import { announce } from '../model/notices.ts'
import { Icon } from '../parts/icon.tsx'
import { tl } from '../texts/later-texts.ts'

interface SecretProps {
  /** What to do with it. */
  readonly about: string
  readonly text: string
  /** The same text, formatted for reading. */
  readonly shown?: string
}

/** A text that is shown once, with a button that copies it. */
export function Secret({ about, text, shown = text }: SecretProps) {
  const code = useRef<HTMLElement>(null)
  const copy = async () => {
    if (code.current) getSelection()?.selectAllChildren(code.current)
    // Without HTTPS, browsers copy only selected text.
    const isCopied = await (navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    ) ?? document.execCommand('copy'))
    if (isCopied) announce({ kind: 'done', text: tl().copied })
  }
  return (
    <>
      <p role="status">{about}</p>
      <p class="actions">
        <code ref={code} class="secret">
          {shown}
        </code>
        <button type="button" class="button" onClick={copy}>
          <Icon name="copy" />
          {tl().copy}
        </button>
      </p>
    </>
  )
}
