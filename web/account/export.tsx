import { base, token } from '../model/session.ts'
import { ta } from '../texts/account-texts.ts'
import { Form } from './form.tsx'

const formats = {
  ndjson: ['format=ndjson', 'duly.ndjson'],
  csv: ['format=csv', 'duly.csv'],
  // Excel reads UTF-8 only after a byte order mark.
  excel: ['format=csv&bom=true', 'duly.csv'],
} as const

/** Saves all tasks as a file. */
export function Export() {
  const download = async ({ format = '' }) => {
    const [query, name] = formats[format as keyof typeof formats]
    const headers = { authorization: `Bearer ${await token()}` }
    const response = await fetch(`${base}api/v1/export?${query}`, { headers })
    if (!response.ok) throw new Error(`${response.status}`)
    const link = document.createElement('a')
    link.href = URL.createObjectURL(await response.blob())
    link.download = name
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  }
  return (
    <Form submit={download} label={ta().export} done="">
      <p class="quiet">{ta().exportAbout}</p>
      <label class="field">
        {ta().format}
        <select name="format">
          {Object.entries(ta().formats).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </Form>
  )
}
