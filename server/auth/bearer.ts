/** The token in an `Authorization` header (RFC 6750, 2.1). The scheme is case-insensitive (RFC 9110, 11.1). */
export function bearerIn(header: string): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header)?.[1]
}
