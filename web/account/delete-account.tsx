import { useStore } from '../model/store.ts'
import { tl } from '../texts/later-texts.ts'
import { Field, Form } from './form.tsx'
import { useHasPassword } from './has-password.ts'
import { deleteAccount } from './leave.ts'

/** Deletes the account, and its data on this device. */
export function DeleteAccount() {
  const madeUp = useStore(state => state.madeUpPassword)
  const hasPassword = useHasPassword()
  const isAsked = madeUp === undefined && hasPassword
  const remove = ({ password = '' }) => deleteAccount(madeUp ?? password)
  return (
    <Form submit={remove} label={tl().deleteAccount} done="" isDanger>
      <p>{tl().deleteAccountAbout}</p>
      {isAsked ? (
        <Field
          name="password"
          label={tl().password}
          type="password"
          autocomplete="current-password"
          maxLength={128}
        />
      ) : (
        <label class="choice">
          <input type="checkbox" required />
          {tl().deleteAccountSure}
        </label>
      )}
      {hasPassword ? null : <p class="quiet">{tl().deleteWithoutPassword}</p>}
    </Form>
  )
}
