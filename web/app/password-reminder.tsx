import { t } from '../texts/texts.ts'

/** Reminds a user of "Try it now" to choose a password. Nobody knows the one that was made up. */
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
