import { useState } from 'preact/hooks'
import { call, get } from '../model/api.ts'
import { formatInstant } from '../model/dates.ts'
import type { TokenPage } from '../model/types.ts'
import { ta } from '../texts/account-texts.ts'
import { t } from '../texts/texts.ts'
import { Field, Form, useAnswer } from './form.tsx'

/** Personal access tokens, for scripts. */
export function Tokens() {
  const [secret, setSecret] = useState('')
  const [found, load, problem] = useAnswer(() => get<TokenPage>('/tokens'))
  const create = async ({ name = '', access = '', days = '' }) => {
    const scopes = access === 'read' ? ['tasks:read'] : ['tasks:read', 'tasks:write']
    const json = { name, scopes, expires_in_days: Number(days) }
    const { token } = await call<{ token: string }>({ method: 'POST', path: '/tokens', json })
    setSecret(token)
    await load()
  }
  const revoke = async (id: number) => {
    await call({ method: 'DELETE', path: `/tokens/${id}` })
    await load()
  }
  return (
    <>
      <p class="quiet">{problem || ta().tokensAbout}</p>
      {secret === '' ? null : (
        <p role="status">
          {ta().tokenOnce} <code class="secret">{secret}</code>
        </p>
      )}
      <ul class="rows">
        {found?.tokens.map(({ id, name, scopes, expires_at }) => (
          <li key={id}>
            <span class="row-text" dir="auto">
              {name}
              <span class="quiet">
                {scopes.join(', ')}
                {expires_at === null ? '' : ` · ${ta().until(formatInstant(expires_at))}`}
              </span>
            </span>
            <Form submit={() => revoke(id)} label={ta().revoke} isDanger />
          </li>
        ))}
      </ul>
      <Form submit={create} label={ta().createToken} done="">
        <Field name="name" label={t().name} maxLength={100} />
        <label class="field">
          {ta().access}
          <select name="access">
            <option value="read">{ta().readTasks}</option>
            <option value="write">{ta().readAndWriteTasks}</option>
          </select>
        </label>
        <label class="field">
          {ta().days}
          <input name="days" type="number" min={1} max={365} value={90} required />
        </label>
      </Form>
    </>
  )
}
