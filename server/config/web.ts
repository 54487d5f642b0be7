import { setting } from './setting.ts'
import type { SettingsReader } from './settings-reader.ts'

export const webSettings = [
  setting('WEB', 'on', '`off`: no web app. `/` then shows a page with links to the documentation.'),
]

export interface WebConfig {
  /** Whether `/` serves the web app. */
  readonly web: boolean
}

export function readWeb(reader: SettingsReader): WebConfig {
  return { web: reader.oneOf('WEB', ['on', 'off'], 'on') === 'on' }
}
