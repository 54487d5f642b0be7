import type { Context } from '../context.ts'

// What a browser is told not to do with an answer (OWASP Secure Headers). All of it is constant.

type Headers = Readonly<Record<string, string>>

const oneYear = 365 * 24 * 60 * 60

/**
 * On every answer. Calls that take a token have no more than these: no link, frame, form or script tag makes a browser send a token,
 * so what they answer is never rendered, and a policy for it would be 200 bytes that nobody reads.
 *
 * `includeSubDomains` is for whoever owns the domain to say, in the proxy: below this host's name may be others' hosts.
 */
export function constantHeaders({ publicUrl }: Pick<Context['config'], 'publicUrl'>): Headers {
  return {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(publicUrl?.protocol === 'https:' ? { 'strict-transport-security': `max-age=${oneYear}` } : {}),
  }
}

/** On what a browser can be led to, and which is no page: refusals, and whatever answers without a token. */
export const nonPageHeaders: Headers = {
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
}

/**
 * On pages, with what each of them needs.
 * @param sources directives of its Content-Security-Policy
 * @param forms where its forms may be sent
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
