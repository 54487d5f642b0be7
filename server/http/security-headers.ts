import type { Context } from '../context.ts'

// Security headers for browsers (OWASP Secure Headers). All are constant.

type Headers = Readonly<Record<string, string>>

const oneYear = 365 * 24 * 60 * 60

/**
 * Headers of every response. Calls with a token have no others: no link, frame, form or script tag
 * makes a browser send a token, so a browser never renders their responses.
 *
 * No `includeSubDomains`: the owner of the domain may have other hosts below it. Set it in the
 * proxy.
 */
export function constantHeaders({ publicUrl }: Pick<Context['config'], 'publicUrl'>): Headers {
  return {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(publicUrl?.protocol === 'https:' ? { 'strict-transport-security': `max-age=${oneYear}` } : {}),
  }
}

/** Headers of errors and of responses without a token that are not pages. */
export const nonPageHeaders: Headers = {
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
}

/**
 * Headers of pages.
 * @param sources directives of the Content-Security-Policy
 * @param forms where forms may be sent
 */
export function pageHeaders(sources: readonly string[], forms: "'none'" | "'self'" = "'none'"): Headers {
  const directives = [
    "default-src 'none'",
    ...sources,
    "base-uri 'none'",
    `form-action ${forms}`,
    "frame-ancestors 'none'",
  ]
  return {
    ...nonPageHeaders,
    'content-security-policy': directives.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  }
}
