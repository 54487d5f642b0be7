import { useState } from 'preact/hooks'
import { auth } from '../model/session.ts'
import { tl } from '../texts/later-texts.ts'
import { enter, type FormProps } from './enter.ts'

/** Signs in, or signs up. */
export function PasswordForm({ attempt, go, isNew }: FormProps & { readonly isNew: boolean }) {
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const { name, email, password } = Object.fromEntries(new FormData(event.currentTarget as HTMLFormElement))
    setBusy(true)
    await attempt(async () => {
      if (isNew) {
        const answer = await auth<{ token: string | null }>('/sign-up/email', { name, email, password })
        if (answer.token === null) return go('sent')
      } else {
        const answer = await auth<{ twoFactorRedirect?: boolean }>('/sign-in/email', { email, password })
        if (answer.twoFactorRedirect) return go('code')
      }
      await enter()
    })
    setBusy(false)
  }
  return (
    <form onSubmit={submit}>
      {isNew ? (
        <label class="field">
          {tl().name}
          <input name="name" autocomplete="name" maxLength={200} required dir="auto" />
        </label>
      ) : null}
      <label class="field">
        {tl().email}
        <input name="email" type="email" autocomplete="username" maxLength={254} required />
      </label>
      <label class="field">
        {tl().password}
        <input
          name="password"
          type="password"
          autocomplete={isNew ? 'new-password' : 'current-password'}
          minLength={isNew ? 8 : 1}
          maxLength={128}
          required
          aria-describedby={isNew ? 'password-rule' : undefined}
        />
      </label>
      {isNew ? (
        <p class="quiet" id="password-rule">
          {tl().passwordRule}
        </p>
      ) : null}
      <button type="submit" class="button primary" disabled={isBusy}>
        {isNew ? tl().signUp : tl().signIn}
      </button>
    </form>
  )
}
