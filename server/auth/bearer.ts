/** The token that an `Authorization` header brings (RFC 6750, section 2.1; the scheme's case is free: RFC 9110, section 11.1). */
export function bearerIn(header: string): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header)?.[1]
}
