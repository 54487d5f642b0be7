import { t } from '../texts/texts.ts'

/** Reminds a user of "Try it now" to choose a password: only this device has the generated one. */
export function PasswordReminder() {
  return (
    <aside class="banner">
      <p>{t().passwordReminder}</p>
      <a class="button" href="#/account/password">
        {t().choosePassword}
      </a>
    </aside>
  )
}
