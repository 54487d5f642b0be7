import { Resolver } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'

// Which addresses webhooks may connect to. By default these are the public ones, so that a user
// cannot make the server send requests into its own network (SSRF).

export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

/** The addresses of a host name. Rejects, or returns none, if there are none. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<readonly Address[]>

/** Special-purpose ranges of IANA, multicast, and the host agent of Azure. */
const special4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4'
/** Within 2000::/3, outside of which nothing is public: Teredo, documentation, 6to4. */
const special6 = '2001::/23 2001:db8::/32 2002::/16 3fff::/20'

const special = listOf(`${special4} ${special6}`.split(' '))
const global6 = listOf(['2000::/3'])

/** Addresses that webhooks may connect to. */
export class Networks {
  readonly #private: BlockList
  /** Whether private networks are allowed, and so `http:`. */
  readonly hasPrivate: boolean

  /** @param networks addresses and CIDR ranges that are allowed beside the public addresses */
  constructor(networks: readonly string[]) {
    this.#private = listOf(networks)
    this.hasPrivate = networks.length > 0
  }

  /** @param protocol of the URL: `http:` is for private networks only */
  allows({ address, family }: Address, protocol: string): boolean {
    const type = family === 6 ? 'ipv6' : 'ipv4'
    if (this.#private.check(address, type)) return true
    const isPublic = !special.check(address, type) && (family === 4 || global6.check(address, type))
    return isPublic && protocol === 'https:'
  }
}

/**
 * What is wrong with the URL of a webhook, as far as the URL alone tells. The URL parser turns
 * every spelling of an IPv4 address (decimal, octal, hexadecimal, short) into the usual one.
 * @returns the rest of a sentence, or undefined
 */
export function urlProblem(text: string, networks: Networks): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL'
  const { protocol, username, password, hash, hostname } = new URL(text)
  const schemes = networks.hasPrivate ? ['https:', 'http:'] : ['https:']
  if (!schemes.includes(protocol))
    return `must begin with ${schemes.map(scheme => `"${scheme}//"`).join(' or ')}`
  if (username !== '' || password !== '') return 'must not contain a user name or a password'
  if (hash !== '') return 'must not contain a fragment'
  const host = hostOf(hostname)
  const known = literal(host) ?? (isLocalhost(host) ? loopback : undefined)
  const isName = known === undefined && /\./.test(host) && !/\.(local|internal|home\.arpa)$/.test(host)
  if (known ? known.some(address => networks.allows(address, protocol)) : isName || networks.hasPrivate)
    return undefined
  return 'must be at a public address'
}

/** The host of a URL without brackets and without a trailing dot. */
export const hostOf = (hostname: string): string => hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')

/**
 * Looks a name up by DNS, without `/etc/hosts`: `getaddrinfo` blocks one of the few threads that
 * also hash passwords, for as long as a slow name server likes.
 */
export const resolve: Resolve = async (host, signal) => {
  const known = literal(host) ?? (isLocalhost(host) ? loopback : undefined)
  if (known) return known
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel)
  try {
    const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    return [
      ...(four.status === 'fulfilled' ? four.value : []),
      ...(six.status === 'fulfilled' ? six.value : []),
    ].flatMap(address => literal(address) ?? [])
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

const loopback: readonly Address[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

const isLocalhost = (host: string) => /(^|\.)localhost$/i.test(host)

function literal(host: string): readonly Address[] | undefined {
  const family = isIP(host)
  return family === 4 || family === 6 ? [{ address: host, family }] : undefined
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const isSix = isIP(address) === 6
    list.addSubnet(address, Number(bits ?? (isSix ? 128 : 32)), isSix ? 'ipv6' : 'ipv4')
  }
  return list
}
