import { changeSettings } from '../model/list-actions.ts'
import { useStore } from '../model/store.ts'
import { tl } from '../texts/later-texts.ts'
import { languages } from '../texts/texts.ts'

/** Time zone, language and formats, on all devices of the user. */
export function Preferences() {
  const settings = useStore(state => state.settings)
  const zones = Intl.supportedValuesOf('timeZone')
  const own = settings.time_zone || Intl.DateTimeFormat().resolvedOptions().timeZone
  const all = zones.includes(own) ? zones : [own, ...zones]
  return (
    <>
      <label class="field">
        {tl().language}
        <select
          value={settings.language}
          onChange={event => changeSettings({ language: event.currentTarget.value })}
        >
          {Object.entries(languages).map(([code, name]) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        {tl().timeZone}
        <select value={own} onChange={event => changeSettings({ time_zone: event.currentTarget.value })}>
          {all.map(zone => (
            <option key={zone}>{zone}</option>
          ))}
        </select>
      </label>
      {(['week_start', 'date_format', 'time_format'] as const).map(name => (
        <label key={name} class="field">
          {tl().preferences[name]}
          <select
            value={settings[name]}
            onChange={event => changeSettings({ [name]: event.currentTarget.value })}
          >
            {Object.entries(tl().preferenceValues[name]).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
      ))}
    </>
  )
}
