import { useState } from 'preact/hooks'
import { auth } from '../model/session.ts'
import { state, update, useStore } from '../model/store.ts'
import { ta } from '../texts/account-texts.ts'
import { t } from '../texts/texts.ts'
import { Field, Form } from './form.tsx'

interface Setup {
  readonly totpURI: string
  readonly backupCodes: readonly string[]
}

/** Enables and disables two-factor authentication. */
export function TwoFactorSetup() {
  const isOn = useStore(from => from.user?.twoFactorEnabled === true)
  const [setup, setSetup] = useState<Setup | undefined>()
  const setOn = (twoFactorEnabled: boolean) => {
    if (state.user) update({ user: { ...state.user, twoFactorEnabled } })
    setSetup(undefined)
  }
  const enable = async ({ password = '' }) => setSetup(await auth<Setup>('/two-factor/enable', { password }))
  const verify = async ({ code = '' }) => {
    await auth('/two-factor/verify-totp', { code: code.trim() })
    setOn(true)
  }
  const disable = async ({ password = '' }) => {
    await auth('/two-factor/disable', { password })
    setOn(false)
  }
  const password = (
    <Field
      name="password"
      label={t().password}
      type="password"
      autocomplete="current-password"
      maxLength={128}
    />
  )
  if (setup) {
    const secret = new URL(setup.totpURI).searchParams.get('secret')
    return (
      <Form submit={verify} label={ta().verify}>
        <p>{ta().enterSecret}</p>
        <p>
          <code class="secret">{secret}</code>
        </p>
        <p>
          <a href={setup.totpURI}>{ta().openApp}</a>
        </p>
        <p>{ta().keepCodes}</p>
        <p>
          <code class="secret">{setup.backupCodes.join('  ')}</code>
        </p>
        <Field name="code" label={t().code} autocomplete="one-time-code" maxLength={64} />
      </Form>
    )
  }
  return isOn ? (
    <Form submit={disable} label={ta().disableTwoFactor} isDanger>
      <p>{ta().twoFactorOn}</p>
      {password}
    </Form>
  ) : (
    <Form submit={enable} label={ta().enableTwoFactor} done="">
      <p>{ta().twoFactorOff}</p>
      {password}
    </Form>
  )
}
