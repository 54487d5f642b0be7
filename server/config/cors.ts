import { developmentOrigins, readOrigin } from '../origins.ts'
import { setting } from './setting.ts'
import { type SettingsReader, splitList } from './settings-reader.ts'

export const corsSettings = [
  setting(
    'CORS_ORIGINS',
    '`http://localhost:3000`; if HOST is a loopback address, `http://localhost` and `http://127.0.0.1` on ports 3000, 4200, 5173 and 8080',
    'Origins of your front ends, such as `https://app.example.com`, `capacitor://localhost` or `https://*.example.app` (one label); comma-separated, or `*`.',
    ['FRONTEND_URL'],
  ),
]

export interface CorsConfig {
  readonly corsOrigins: readonly string[] | '*'
}

export function readCors(reader: SettingsReader): CorsConfig {
  const value = reader.read('CORS_ORIGINS')
  if (value === undefined) {
    return {
      corsOrigins: isLoopback(reader.read('HOST')) ? developmentOrigins : ['http://localhost:3000'],
    }
  }
  return { corsOrigins: value === '*' ? '*' : parse(value, reader) }
}

function parse(value: string, reader: SettingsReader): readonly string[] {
  const entries = splitList(value)
  const origins = entries.map(readOrigin)
  if (origins.length === 0 || origins.includes(undefined)) {
    reader.problem(
      'CORS_ORIGINS',
      'must be a comma-separated list of origins such as https://app.example.com, capacitor://localhost or https://*.example.app (one label), or `*` alone.',
      entries[origins.indexOf(undefined)],
    )
  }
  return [...new Set(origins.filter(origin => origin !== undefined))]
}

function isLoopback(host = '127.0.0.1'): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|(?:0*:)*:?0*1)$/i.test(host)
}
