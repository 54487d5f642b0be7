/**
 * Fields and query parameters with a redirect target, and Better Auth's error code for a target
 * that is not allowed.
 */
export const redirectFields: Readonly<Record<string, string>> = {
  callbackURL: 'INVALID_CALLBACK_URL',
  redirectTo: 'INVALID_REDIRECT_URL',
  errorCallbackURL: 'INVALID_ERROR_CALLBACK_URL',
  newUserCallbackURL: 'INVALID_NEW_USER_CALLBACK_URL',
}

/**
 * The redirect target, normalized by the WHATWG URL parser: an absolute URL for another trusted
 * origin, a path for this server. Undefined if it has another origin, or could be parsed as another
 * host.
 * @param trusted serialized origins, such as `https://app.example.com` or `capacitor://localhost`
 */
export function redirectTarget(text: string, base: URL, trusted: readonly string[]): string | undefined {
  if (!URL.canParse(text, base.href)) return undefined
  const url = new URL(text, base)
  // Not `url.origin`, which is "null" for `capacitor:` and that of the URL inside for `blob:`.
  const origin = `${url.protocol}//${url.host}`
  if (url.username !== '' || url.password !== '' || !trusted.includes(origin)) return undefined
  if (origin !== base.origin) return url.href
  // Could become another host after one more decoding or normalization, by a proxy or a router.
  if (url.pathname.startsWith('//') || /\\|%2f|%5c/i.test(url.pathname)) return undefined
  return url.pathname + url.search + url.hash
}
