/** @returns why this address is considered a pooler in transaction mode */
export function poolerAt(host: string, port: number): string | undefined {
  if (/-pooler\./.test(host)) return 'its host is that of a pooler of Neon'
  if (/\.supabase\.(co|com)$/.test(host) && port === 6543)
    return 'port 6543 is the transaction pooler of Supabase'
  if (/\.proxy-[\w-]+\.[\w-]+\.rds\.amazonaws\.com(\.cn)?$/.test(host))
    return 'its host is that of an RDS Proxy'
  if (/\.ondigitalocean\.com$/.test(host) && port === 25_061) return 'port 25061 is a pool of DigitalOcean'
  return port === 6432 ? 'port 6432 is usually PgBouncer' : undefined
}
