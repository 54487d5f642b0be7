import { quote } from '../quote.ts'

/** Settings whose value is a secret, whatever is in it. */
const secrets =
  /^(?:BETTER_AUTH_SECRET(?:_ALSO)?|METRICS_TOKEN|OTEL_EXPORTER_OTLP_HEADERS|\w+_CLIENT_(?:ID|SECRET))$/
const urls = /^(?:DATABASE_URL|REDIS_URL|SMTP_URL|JWKS_URL|PUBLIC_URL|OTEL_EXPORTER_OTLP_ENDPOINT)$/
const urlsWithPasswords = /^(?:DATABASE_URL|REDIS_URL|SMTP_URL)$/

/** The value of a setting for a message. Undefined if it is a secret, or could contain one. */
export function shownValue(name: string, value: string): string | undefined {
  if (secrets.test(name)) return undefined
  if (!urls.test(name)) return quote(value)
  const shown = withoutCredentials(value, urlsWithPasswords.test(name))
  return shown === undefined ? undefined : quote(shown)
}

/**
 * A URL without user, password, query and fragment. Undefined if it cannot be told what in it is a
 * password, which may contain `@`, `/`, `?` and `#` by mistake.
 */
function withoutCredentials(url: string, hasPassword: boolean): string | undefined {
  const [, scheme = '', rest = '', hidden = ''] = /^([a-z][a-z\d+.-]*:\/\/)?([^?#]*)(.*)$/is.exec(url) ?? []
  if (hidden.includes('@') || (hasPassword && scheme === '')) return undefined
  const at = rest.lastIndexOf('@')
  const place = rest.slice(at + 1)
  // A colon that no port follows may come before a password.
  if (hasPassword && !/^(?:\[[^\]]*\]|[^:/]*)(?::\d{0,5})?(?:\/[^:]*)?$/.test(place)) return undefined
  return `${scheme}${at < 0 ? '' : '***@'}${place}${hidden === '' ? '' : `${hidden[0]}***`}`
}
