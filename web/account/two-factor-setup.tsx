import { useState } from 'preact/hooks'
import { auth } from '../model/session.ts'
import { state, update, useStore } from '../model/store.ts'
import { lazy } from '../parts/lazy.tsx'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'
import { Field, Form } from './form.tsx'
import { useHasPassword } from './has-password.ts'
import { Secret } from './secret.tsx'

const Qr = lazy(() => import('./qr.tsx').then(it => it.Qr))

interface Setup {
  readonly totpURI: string
  readonly backupCodes: readonly string[]
}

/** Enables and disables two-factor authentication. */
export function TwoFactorSetup() {
  const isOn = useStore(from => from.user?.twoFactorEnabled === true)
  const isMadeUp = useStore(from => from.madeUpPassword !== undefined)
  const hasPassword = useHasPassword()
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
  const disable = async (fields: object) => {
    await auth('/two-factor/disable', fields)
    setOn(false)
  }
  const password = hasPassword ? (
    <Field
      name="password"
      label={tl().password}
      type="password"
      autocomplete="current-password"
      maxLength={128}
    />
  ) : null
  if (setup) {
    const secret = new URL(setup.totpURI).searchParams.get('secret') ?? ''
    return (
      <Form submit={verify} label={tl().verify}>
        <p>{tl().scanCode}</p>
        <Qr text={setup.totpURI} label={tl().qrCode} />
        <p>
          <a href={setup.totpURI}>{tl().openApp}</a>
        </p>
        <Secret about={tl().enterSecret} text={secret} shown={secret.replace(/.{4}/g, '$& ').trim()} />
        <Secret about={tl().keepCodes} text={setup.backupCodes.join('\n')} />
        <Field name="code" label={tl().code} autocomplete="one-time-code" maxLength={64} />
      </Form>
    )
  }
  if (!isOn && (isMadeUp || !hasPassword)) {
    return (
      <p>
        {tl().twoFactorNeedsPassword} <a href="#/account/password">{t().choosePassword}</a>
      </p>
    )
  }
  return isOn ? (
    <Form submit={disable} label={tl().disableTwoFactor} isDanger>
      <p>{tl().twoFactorOn}</p>
      {password}
    </Form>
  ) : (
    <Form submit={enable} label={tl().enableTwoFactor} done="">
      <p>{tl().twoFactorOff}</p>
      {password}
    </Form>
  )
}
