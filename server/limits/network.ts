import { isIP, isIPv6 } from 'node:net'

/**
 * The key by which an address is counted: the /64 of an IPv6 address, since a customer has at least
 * that (RFC 6177), or the whole IPv4 address. Values from a proxy that are not addresses share one
 * key.
 */
export function network(address: string): string {
  return prefixOf(address, 4)
}

/**
 * The key by which clients share what is scarce: the /48 of an IPv6 address, the largest network
 * that a customer usually gets (RFC 6177), or the whole IPv4 address. Counting attempts by it would
 * lock out others at the same provider; waiting behind them only delays.
 */
export function site(address: string): string {
  return prefixOf(address, 3)
}

/** The keys of an address in turns that are fair to customers, and to the networks of each. */
export const turnKeysOf = (address: string): string[] => [
  `site ${site(address)}`,
  `network ${network(address)}`,
]

function prefixOf(address: string, groups: number): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return isIP(address) === 0 ? 'none' : address
  const { hostname } = new URL(`http://[${address.replace(/%.*$/, '')}]`)
  const [head = '', tail = ''] = hostname.slice(1, -1).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return [...left, ...zeros, ...right].slice(0, groups).join(':')
}
