import { forgetFirstPassword } from '../app/first-password.ts'
import { refresh } from '../app/start.ts'
import { auth } from '../model/session.ts'
import { state, useStore } from '../model/store.ts'
import type { SignInOptions } from '../sign-in/enter.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'
import { Field, Form, useAnswer } from './form.tsx'
import { useHasPassword } from './has-password.ts'

/** Changes the password, or sets the first one after "Try it now". */
export function Password() {
  const madeUp = useStore(from => from.madeUpPassword)
  const hasPassword = useHasPassword()
  const submit = async ({ email = '', currentPassword = '', newPassword = '' }) => {
    const given = madeUp ?? currentPassword
    await auth('/change-password', { currentPassword: given, newPassword, revokeOtherSessions: true })
    forgetFirstPassword()
    const { user } = state
    if (!user || email === '' || email === user.email) return
    await auth('/change-email', { newEmail: email })
    await refresh(user)
  }
  if (!hasPassword) return <FirstPassword />
  return (
    <Form submit={submit} label={madeUp === undefined ? tl().changePassword : t().choosePassword}>
      {madeUp === undefined ? (
        <Field
          name="currentPassword"
          label={tl().currentPassword}
          type="password"
          autocomplete="current-password"
          maxLength={128}
        />
      ) : (
        <Field
          name="email"
          label={tl().yourEmail}
          type="email"
          autocomplete="username"
          value={state.user?.email ?? ''}
          maxLength={254}
          isOptional
        />
      )}
      <Field
        name="newPassword"
        label={tl().newPassword}
        type="password"
        autocomplete="new-password"
        minLength={8}
        maxLength={128}
      />
      <p class="quiet">{tl().passwordRule}</p>
    </Form>
  )
}

/** For a user of a provider: requests a link to choose a password. */
function FirstPassword() {
  const [options] = useAnswer(() => auth<SignInOptions>('/options'))
  const sendsEmail = options?.confirms_email ?? true
  const request = () => auth('/request-password-reset', { email: state.user?.email })
  return (
    <Form
      submit={request}
      label={sendsEmail ? tl().sendLink : tl().requestLink}
      done={sendsEmail ? tl().checkEmail : tl().askOperator}
    >
      <p class="quiet">{tl().noPassword}</p>
    </Form>
  )
}
