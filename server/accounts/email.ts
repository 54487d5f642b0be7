import { domainToASCII } from 'node:url'

// RFC 5321, 4.5.3.1: a path of 256 octets, which includes its angle brackets.
const longest = 254
const longestLocalPart = 64

// RFC 6531: the characters of RFC 5322 and any other that can be seen. Quoted local parts are
// refused.
const localPart = /^[^\s\p{C}\p{Z}"(),:;<>@[\\\].]+(?:\.[^\s\p{C}\p{Z}"(),:;<>@[\\\].]+)*$/u
/** Characters that the URL parser strips, decodes or ends a host at. */
const notInDomain = /[^A-Za-z0-9.\-\u0080-\u{10ffff}]/u
const asciiDomain = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$/

/**
 * The one spelling under which an email address is stored, looked up and counted: without
 * surrounding spaces, in lower case, the local part in NFC, the domain in ASCII (UTS #46).
 * Undefined for text that is no address.
 */
export function canonicalEmail(text: string): string | undefined {
  const trimmed = text.trim()
  const at = trimmed.lastIndexOf('@')
  const local = trimmed.slice(0, Math.max(at, 0)).normalize('NFC').toLowerCase().normalize('NFC')
  const written = trimmed.slice(at + 1)
  if (!localPart.test(local) || Buffer.byteLength(local) > longestLocalPart) return undefined
  const domain = notInDomain.test(written) ? '' : domainToASCII(written).toLowerCase()
  const email = `${local}@${domain}`
  return asciiDomain.test(domain) && Buffer.byteLength(email) <= longest ? email : undefined
}
