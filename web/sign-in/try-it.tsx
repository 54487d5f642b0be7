import { newKey } from '../../client/sync/operations.ts'
import { keepFirstPassword } from '../app/first-password.ts'
import { auth } from '../model/session.ts'
import { tl } from '../texts/later-texts.ts'
import { enter, type FormProps } from './enter.ts'

/** On a new server on this machine: creates an account at once. A password is chosen afterwards. */
export function TryIt({ attempt }: FormProps) {
  const create = () =>
    attempt(async () => {
      const password = newKey()
      await auth('/sign-up/email', { name: tl().you, email: 'you@duly.localhost', password })
      keepFirstPassword(password)
      await enter()
    })
  return (
    <div class="try-it">
      <p>{tl().tryItAbout}</p>
      <button type="button" class="button primary" onClick={create}>
        {tl().tryIt}
      </button>
      <p class="or">{tl().orSignIn}</p>
    </div>
  )
}
