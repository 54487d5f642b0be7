import { setting } from './setting.ts'
import { type SettingsReader, webUrl } from './settings-reader.ts'

export const publicUrlSettings = [
  setting(
    'PUBLIC_URL',
    '`http://localhost:PORT`',
    'Public URL of this server, such as `https://tasks.example.com` or, with a path, `https://example.org/duly`.',
    ['BETTER_AUTH_URL'],
  ),
]

export interface PublicUrlConfig {
  /** Absent: `http://localhost:PORT`. */
  readonly publicUrl: URL | undefined
}

/** First segments of Duly's paths. Below one, whether a proxy strips the prefix is unknown. */
const ownSegments = [
  'api',
  'auth',
  'docs',
  'health',
  'livez',
  'metrics',
  'openapi.json',
  'problems',
  'readyz',
]

/** The path of PUBLIC_URL, without a slash at its end; empty where it has none. */
export function basePath(publicUrl: URL | undefined): string {
  return publicUrl?.pathname.replace(/\/$/, '') ?? ''
}

export function readPublicUrl(reader: SettingsReader): PublicUrlConfig {
  const value = reader.read('PUBLIC_URL')
  return { publicUrl: value === undefined ? undefined : parse(value, reader) }
}

function parse(value: string, reader: SettingsReader): URL | undefined {
  const url = webUrl(value)
  const isPlain = url && url.username + url.password + url.search + url.hash === ''
  if (!isPlain || !/^(?:\/[\w.~-]+)*\/?$/.test(url.pathname)) {
    return reader.problem(
      'PUBLIC_URL',
      'must be a URL such as https://tasks.example.com or https://example.org/duly, without query or fragment, with only letters, digits and -._~ in its path.',
    )
  }
  const base = basePath(url)
  const own = ownSegments.find(name => base.startsWith(`/${name}/`) || base === `/${name}`)
  if (own === undefined && !base.endsWith('/api/auth')) return new URL(url.origin + base)
  return reader.problem(
    'PUBLIC_URL',
    `must not contain "/${own ?? 'api/auth'}", which is a route of Duly. Leave it out, or choose another path, such as https://example.org/duly.`,
  )
}
