import { auth } from '../model/session.ts'
import { tl } from '../texts/later-texts.ts'
import type { FormProps } from './enter.ts'

/** Requests a link to a page of the server, which resets the password. */
export function Forgot({ attempt, go, sendsEmail }: FormProps & { readonly sendsEmail: boolean }) {
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const email = new FormData(event.currentTarget as HTMLFormElement).get('email')
    await attempt(async () => {
      await auth('/request-password-reset', { email })
      go(sendsEmail ? 'sent' : 'operator')
    })
  }
  return (
    <form onSubmit={submit}>
      <p>{sendsEmail ? tl().forgotAbout : tl().forgotOperator}</p>
      <label class="field">
        {tl().email}
        <input name="email" type="email" autocomplete="username" maxLength={254} required />
      </label>
      <button type="submit" class="button primary">
        {sendsEmail ? tl().sendLink : tl().requestLink}
      </button>
    </form>
  )
}
