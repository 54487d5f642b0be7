// Origins of front ends (RFC 6454, 6), as CORS_ORIGINS names them.

/** What CORS_ORIGINS is while HOST is loopback: the ports on which development servers listen. */
export const developmentOrigins: readonly string[] = ['localhost', '127.0.0.1'].flatMap(host =>
  [3000, 4200, 5173, 8080].map(port => `http://${host}:${port}`),
)

const custom = /^([a-z][a-z\d+.-]*):\/\/([a-z\d](?:[a-z\d._-]*[a-z\d])?(?::\d{1,5})?)\/?$/
/** Schemes without an origin, or with one that any page can have. */
const withoutOrigin = new Set(['about', 'blob', 'data', 'file', 'ftp', 'javascript', 'ws', 'wss'])
const pattern = /^(https?:\/\/)\*(\.[^/*?#@]+)/

/**
 * Normalizes an origin to the form that browsers send: in lower case, without default port, path or
 * trailing slash. `https://*.example.app` stays a pattern in which `*` is one label.
 * @returns undefined if the text is not an origin, or a pattern that covers several domains
 */
export function readOrigin(text: string): string | undefined {
  const [, scheme, domain] = pattern.exec(text) ?? []
  if (scheme !== undefined && domain !== undefined) {
    const under = webOrigin(text.replace('*', 'x'))
    // `*.com` is rejected.
    const isDomain = /^https?:\/\/x\.(?:[^.:]+\.[^:]*[^.\d:]|localhost)(?::\d+)?$/.test(under ?? '')
    return isDomain ? under?.replace('//x.', '//*.') : undefined
  }
  if (text.includes('*')) return undefined
  if (/^https?:/i.test(text)) return webOrigin(text)
  const [origin, name = ''] = custom.exec(text.toLowerCase()) ?? []
  return origin === undefined || withoutOrigin.has(name) ? undefined : origin.replace(/\/$/, '')
}

/** Whether the origin is a pattern. */
export function isPattern(origin: string): boolean {
  return origin.includes('*')
}

/** A test for the `Origin` of a request, which browsers send in the form of `readOrigin`. */
export function matcherOf(origins: readonly string[]): (origin: string) => boolean {
  const exact = new Set(origins.filter(origin => !isPattern(origin)))
  const patterns = origins.filter(isPattern).map(origin => {
    const [before = '', after = ''] = origin.split('*').map(part => part.replaceAll('.', '\\.'))
    return new RegExp(`^${before}[a-z\\d](?:[a-z\\d-]*[a-z\\d])?${after}$`)
  })
  return origin => exact.has(origin) || patterns.some(matches => matches.test(origin))
}

/** Drops path and query, because users often set the URL of a front end instead of its origin. */
function webOrigin(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url && url.username === '' && url.password === '' && /^https?:$/.test(url.protocol)
    ? url.origin
    : undefined
}
