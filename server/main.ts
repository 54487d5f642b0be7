import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { createApp } from './app.ts'
import { RemoteKeys } from './auth/remote-keys.ts'
import { keptSecret } from './auth/secret.ts'
import { Tokens } from './auth/tokens.ts'
import type { Config } from './config.ts'
import { connect } from './db/connect.ts'
import { migrateUp } from './db/migrate.ts'
import type { Log } from './log.ts'
import { sweepHourly } from './tasks/sweep.ts'

export interface Server {
  /** Where it listens, as an address to call. */
  readonly url: string
  readonly databaseLabel: string
  /** Whether this start created the embedded database. */
  readonly firstStart: boolean
  /** The secret of HMAC tokens, where there is one. */
  readonly secret: string | undefined
  /** Lets requests in flight end, then closes everything in reverse order. */
  close(): Promise<void>
}

/** Settings → database → migrations → app → listen. What was opened is closed again where a later step fails. */
export async function startServer(config: Config, log: Log): Promise<Server> {
  for (const note of config.notes) log.warn(note)
  const { db, created } = await connect(config, log)
  const closers: (() => Promise<void>)[] = [() => db.close()]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const migrated = await migrateUp(db)
    if (migrated.length > 0) log.info({ migrations: migrated }, 'the database has been migrated')
    const secret = config.secret ?? (config.postgres ? undefined : keptSecret(config.dataDir))
    const remoteKeys = config.jwksUrl ? new RemoteKeys({ url: config.jwksUrl, log }) : undefined
    const lifecycle = { stopping: false }
    const tokens = new Tokens({ ...config, secret, remoteKeys })
    const app = await createApp({ config, db, tokens, log, lifecycle })
    closers.push(() => closeApp(app))
    const sweeping = sweepHourly(db, config.trashDays, log)
    closers.push(() => sweeping.stop())
    const listenTextResolver = (address: string) => `listening on ${address}, with the ${db.label}`
    await app.listen({ host: config.host, port: config.port, listenTextResolver })
    closers.push(async () => {
      lifecycle.stopping = true
    })
    const url = addressOf(app.server.address() as AddressInfo)
    return { url, databaseLabel: db.label, firstStart: created, secret, close }
  } catch (error) {
    await close()
    throw error
  }
}

// A connection that was busy when the server began to close is kept alive after its answer; someone has to close it then.
async function closeApp(app: FastifyInstance): Promise<void> {
  const sweeping = setInterval(() => app.server.closeIdleConnections(), 50)
  try {
    await app.close()
  } finally {
    clearInterval(sweeping)
  }
}

function addressOf({ address, family, port }: AddressInfo): string {
  const everywhere = address === '0.0.0.0' || address === '::'
  const host = everywhere ? 'localhost' : family === 'IPv6' ? `[${address}]` : address
  return `http://${host}:${port}`
}
