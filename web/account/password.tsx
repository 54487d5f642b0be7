import { auth } from '../model/session.ts'
import { state, update, useStore } from '../model/store.ts'
import { t } from '../texts/texts.ts'
import { Field, Form } from './form.tsx'

/** Changes the password; after "Try it now", chooses the first one. */
export function Password() {
  const madeUp = useStore(from => from.madeUpPassword)
  const submit = async ({ email = '', currentPassword = '', newPassword = '' }) => {
    const given = madeUp ?? currentPassword
    await auth('/change-password', { currentPassword: given, newPassword, revokeOtherSessions: true })
    update({ madeUpPassword: undefined })
    if (email !== '' && email !== state.user?.email) await auth('/change-email', { newEmail: email })
  }
  return (
    <Form submit={submit} label={t().changePassword}>
      {madeUp === undefined ? (
        <Field
          name="currentPassword"
          label={t().currentPassword}
          type="password"
          autocomplete="current-password"
          maxLength={128}
        />
      ) : (
        <Field
          name="email"
          label={t().yourEmail}
          type="email"
          autocomplete="username"
          maxLength={254}
          isOptional
        />
      )}
      <Field
        name="newPassword"
        label={t().newPassword}
        type="password"
        autocomplete="new-password"
        minLength={8}
        maxLength={128}
      />
      <p class="quiet">{t().passwordRule}</p>
    </Form>
  )
}
