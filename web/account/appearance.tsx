import { useState } from 'preact/hooks'
import { choices, choose, chosen } from '../app/appearance.ts'
import { tl } from '../texts/later-texts.ts'

/** The appearance of the app on this device. */
export function Appearance() {
  const [, setChanged] = useState('')
  return (
    <>
      {(Object.keys(choices) as (keyof typeof choices)[]).map(name => (
        <fieldset key={name} class="choices">
          <legend>{tl().appearance[name]}</legend>
          {choices[name].map(value => (
            <label key={value} class="choice">
              <input
                type="radio"
                name={name}
                value={value}
                checked={chosen(name) === value}
                onChange={() => {
                  choose(name, value)
                  setChanged(name + value)
                  dispatchEvent(new Event('resize'))
                }}
              />
              {tl().appearanceValues[value]}
            </label>
          ))}
        </fieldset>
      ))}
    </>
  )
}
