import { useState } from 'preact/hooks'
import { Form } from '../account/form.tsx'
import { call } from '../model/api.ts'
import { Dialog } from '../parts/dialog.tsx'
import { tl } from '../texts/later-texts.ts'
import { Deliveries } from './deliveries.tsx'
import type { Webhook } from './types.ts'

interface WebhookItemProps {
  readonly webhook: Webhook
  readonly load: () => Promise<void>
  readonly showSecret: (secret: string) => void
}

export function WebhookItem({ webhook, load, showSecret }: WebhookItemProps) {
  const { id, url, description, events, is_active, disabled_reason } = webhook
  /** Increases with each test, so that the deliveries are read again. */
  const [tests, setTests] = useState(0)
  const [isOpen, setOpen] = useState(false)
  const [isDeleting, setDeleting] = useState(false)
  const path = `/webhooks/${id}`
  const switchOn = async () => {
    await call({ method: 'PATCH', path, json: { is_active: !is_active } })
    await load()
  }
  const test = async () => {
    await call({ method: 'POST', path: `${path}/test` })
    setOpen(true)
    setTests(tests + 1)
  }
  const renew = async () => {
    const { secret } = await call<{ secret: string }>({ method: 'POST', path: `${path}/secret` })
    showSecret(secret)
  }
  const remove = async () => {
    await call({ method: 'DELETE', path })
    showSecret('')
    await load()
  }
  return (
    <li class="webhook">
      <span class="row-text">
        <span dir="ltr">{url}</span>
        <span class="quiet" dir="auto">
          {description === null ? '' : `${description} · `}
          {events.map(name => tl().eventNames[name] ?? name).join(', ')}
        </span>
      </span>
      <span class="fact">{is_active ? tl().active : tl().disabledReasons[disabled_reason ?? 'paused']}</span>
      <div class="actions">
        <Form submit={test} label={tl().testWebhook} done="" />
        <Form submit={switchOn} label={is_active ? tl().pause : tl().activate} done="" />
        <Form submit={renew} label={tl().renewSecret} done="" />
        <button type="button" class="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {tl().deliveries}
        </button>
        <button type="button" class="button danger" onClick={() => setDeleting(true)}>
          {tl().delete}
        </button>
      </div>
      {isOpen ? <Deliveries key={tests} path={`${path}/deliveries`} /> : null}
      {isDeleting ? (
        <Dialog title={tl().deleteWebhook} onClose={() => setDeleting(false)}>
          <p>{tl().deleteWebhookAbout(url)}</p>
          <Form submit={remove} label={tl().delete} done="" isDanger />
        </Dialog>
      ) : null}
    </li>
  )
}
