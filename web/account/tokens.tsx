import { useState } from 'preact/hooks'
import { call, get } from '../model/api.ts'
import { formatInstant } from '../model/dates.ts'
import type { TokenPage } from '../model/types.ts'
import { tl } from '../texts/later-texts.ts'
import { Field, Form, useAnswer } from './form.tsx'
import { Secret } from './secret.tsx'

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
      <p class="quiet">{problem || tl().tokensAbout}</p>
      {secret === '' ? null : <Secret about={tl().tokenOnce} text={secret} />}
      <ul class="rows">
        {found?.tokens.map(({ id, name, scopes, expires_at }) => (
          <li key={id}>
            <span class="row-text" dir="auto">
              {name}
              <span class="quiet">
                {scopes.join(', ')}
                {expires_at === null ? '' : ` · ${tl().until(formatInstant(expires_at))}`}
              </span>
            </span>
            <Form submit={() => revoke(id)} label={tl().revoke} isDanger />
          </li>
        ))}
      </ul>
      <Form submit={create} label={tl().createToken} done="">
        <Field name="name" label={tl().name} maxLength={100} />
        <label class="field">
          {tl().access}
          <select name="access">
            <option value="read">{tl().readTasks}</option>
            <option value="write">{tl().readAndWriteTasks}</option>
          </select>
        </label>
        <label class="field">
          {tl().days}
          <input name="days" type="number" min={1} max={365} value={90} required />
        </label>
      </Form>
    </>
  )
}
