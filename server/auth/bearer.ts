/** The token of an `Authorization` header (RFC 6750, 2.1), whose scheme ignores case. */
export function bearerIn(header: string): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header)?.[1]
}
