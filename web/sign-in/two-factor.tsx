import { useState } from 'preact/hooks'
import { auth } from '../model/session.ts'
import { focus } from '../parts/focus.ts'
import { tl } from '../texts/later-texts.ts'
import { enter, type FormProps } from './enter.ts'

/** The code after the password: of the authenticator app, or a backup code. */
export function TwoFactor({ attempt }: FormProps) {
  const [isBackup, setBackup] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const code = String(form.get('code')).trim()
    const path = isBackup ? '/two-factor/verify-backup-code' : '/two-factor/verify-totp'
    await attempt(async () => {
      await auth(path, { code, trustDevice: form.get('trust') === 'on' })
      await enter()
    })
  }
  return (
    <form onSubmit={submit}>
      <label class="field">
        {isBackup ? tl().backupCode : tl().code}
        <input
          key={String(isBackup)}
          ref={focus}
          name="code"
          autocomplete="one-time-code"
          inputMode={isBackup ? 'text' : 'numeric'}
          maxLength={64}
          required
        />
      </label>
      <label class="choice">
        <input type="checkbox" name="trust" /> {tl().trustDevice}
      </label>
      <button type="submit" class="button primary">
        {tl().continue}
      </button>
      <button type="button" class="link-button" onClick={() => setBackup(!isBackup)}>
        {isBackup ? tl().useApp : tl().useBackupCode}
      </button>
    </form>
  )
}
