import { base, token } from '../model/session.ts'
import { saveFile } from '../parts/save-file.ts'
import { tl } from '../texts/later-texts.ts'
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
    saveFile(await response.blob(), name)
  }
  return (
    <Form submit={download} label={tl().export} done="">
      <p class="quiet">{tl().exportAbout}</p>
      <label class="field">
        {tl().format}
        <select name="format">
          {Object.entries(tl().formats).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </Form>
  )
}
