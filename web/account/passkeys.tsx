import { formatInstant } from '../model/dates.ts'
import { auth } from '../model/session.ts'
import { tl } from '../texts/later-texts.ts'
import { Field, Form, useAnswer } from './form.tsx'

interface Passkey {
  readonly id: string
  readonly name?: string | null
  readonly createdAt: string
}

export function Passkeys() {
  const [keys, load, problem] = useAnswer(() => auth<readonly Passkey[]>('/passkey/list-user-passkeys'))
  const add = async ({ name = '' }) => {
    const options = await auth<PublicKeyCredentialCreationOptionsJSON>('/passkey/generate-register-options')
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
    const credential = await navigator.credentials.create({ publicKey })
    if (!(credential instanceof PublicKeyCredential)) return
    await auth('/passkey/verify-registration', { response: credential.toJSON(), name })
    await load()
  }
  const remove = async (id: string) => {
    await auth('/passkey/delete-passkey', { id })
    await load()
  }
  return (
    <>
      <p class="quiet">{problem || tl().passkeysAbout}</p>
      <ul class="rows">
        {keys?.map(({ id, name, createdAt }) => (
          <li key={id}>
            <span class="row-text" dir="auto">
              {name || tl().passkey}
              <span class="quiet">{formatInstant(createdAt)}</span>
            </span>
            <Form submit={() => remove(id)} label={tl().remove} isDanger />
          </li>
        ))}
      </ul>
      {typeof PublicKeyCredential?.parseCreationOptionsFromJSON === 'function' ? (
        <Form submit={add} label={tl().addPasskey}>
          <Field name="name" label={tl().nameOfPasskey} maxLength={200} />
        </Form>
      ) : null}
    </>
  )
}
