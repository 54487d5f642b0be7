import { useState } from 'preact/hooks'
import { Field, Form, useAnswer } from '../account/form.tsx'
import { Secret } from '../account/secret.tsx'
import { call, get } from '../model/api.ts'
import { tl } from '../texts/later-texts.ts'
import type { WebhookPage } from './types.ts'
import { WebhookItem } from './webhook-item.tsx'

const filters = ['task.*', 'list.*', 'settings.*'] as const

/** URLs to which the server sends events. */
export function Webhooks() {
  const [secret, setSecret] = useState('')
  const [found, load, problem] = useAnswer(() => get<WebhookPage>('/webhooks'))
  const create = async ({ url = '', description = '', ...fields }) => {
    const events = filters.filter(name => name in fields)
    const json = { url, events, description: description === '' ? null : description }
    const created = await call<{ secret: string }>({ method: 'POST', path: '/webhooks', json })
    setSecret(created.secret)
    await load()
  }
  return (
    <>
      <p class="quiet">{problem || tl().webhooksAbout}</p>
      {secret === '' ? null : <Secret about={tl().secretOnce} text={secret} />}
      <ul class="rows">
        {found?.webhooks.map(webhook => (
          <WebhookItem key={webhook.id} webhook={webhook} load={load} showSecret={setSecret} />
        ))}
      </ul>
      <Form submit={create} label={tl().createWebhook} done="">
        <Field name="url" label={tl().url} type="url" maxLength={2000} />
        <Field name="description" label={tl().webhookDescription} maxLength={500} isOptional />
        <fieldset class="choices">
          <legend>{tl().events}</legend>
          {filters.map(name => (
            <label key={name} class="choice">
              <input type="checkbox" name={name} defaultChecked={name === 'task.*'} />
              {tl().eventNames[name]}
            </label>
          ))}
        </fieldset>
      </Form>
    </>
  )
}
