import { auth, base, token } from '../model/session.ts'
import { t } from '../texts/texts.ts'
import { Field, Form } from './form.tsx'
import { signOut } from './leave.ts'

/** Export of all tasks, and the end of the account. */
export function Data() {
  const download = async ({ format = '' }) => {
    const url = `${base}api/v1/export?format=${format}`
    const response = await fetch(url, { headers: { authorization: `Bearer ${await token()}` } })
    if (!response.ok) throw new Error(`${response.status}`)
    const link = document.createElement('a')
    link.href = URL.createObjectURL(await response.blob())
    link.download = `duly.${format}`
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  }
  const remove = async ({ password = '' }) => {
    await auth('/delete-user', { password })
    await signOut(true)
  }
  return (
    <>
      <Form submit={download} label={t().export} done="">
        <label class="field">
          {t().format}
          <select name="format">
            <option value="csv">CSV</option>
            <option value="ndjson">NDJSON</option>
          </select>
        </label>
      </Form>
      <Form submit={remove} label={t().deleteAccount} done="" isDanger>
        <p>{t().deleteAccountAbout}</p>
        <Field
          name="password"
          label={t().password}
          type="password"
          autocomplete="current-password"
          maxLength={128}
        />
      </Form>
    </>
  )
}
