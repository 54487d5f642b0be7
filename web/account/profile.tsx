import { refresh } from '../app/start.ts'
import { auth } from '../model/session.ts'
import { useStore } from '../model/store.ts'
import { tl } from '../texts/later-texts.ts'
import { Field, Form } from './form.tsx'

/** Name and email address. */
export function Profile() {
  const user = useStore(state => state.user)
  const rename = async ({ name = '' }) => {
    await auth('/update-user', { name })
    if (user) await refresh(user)
  }
  const changeEmail = async ({ newEmail = '' }) => {
    await auth('/change-email', { newEmail })
    if (user) await refresh(user)
  }
  return (
    <>
      <Form submit={rename} label={tl().changeName}>
        <Field name="name" label={tl().name} autocomplete="name" maxLength={200} value={user?.name ?? ''} />
      </Form>
      <Form submit={changeEmail} label={tl().changeEmail} done={tl().emailChanged}>
        <Field name="newEmail" label={tl().newEmail} type="email" autocomplete="email" maxLength={254} />
      </Form>
    </>
  )
}
