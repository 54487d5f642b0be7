import { useStore } from '../model/store.ts'
import { ta } from '../texts/account-texts.ts'
import { t } from '../texts/texts.ts'
import { Field, Form } from './form.tsx'
import { useHasPassword } from './has-password.ts'
import { deleteAccount } from './leave.ts'

/** Deletes the account, and what is on this device. */
export function DeleteAccount() {
  const madeUp = useStore(state => state.madeUpPassword)
  const hasPassword = useHasPassword()
  const remove = ({ password = '' }) => deleteAccount(madeUp ?? password)
  return (
    <Form submit={remove} label={ta().deleteAccount} done="" isDanger>
      <p>{ta().deleteAccountAbout}</p>
      {madeUp === undefined && hasPassword ? (
        <Field
          name="password"
          label={t().password}
          type="password"
          autocomplete="current-password"
          maxLength={128}
        />
      ) : null}
    </Form>
  )
}
