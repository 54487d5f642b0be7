import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { Log } from '../log.ts'
import { connectionFailure, explain, type Failure } from './connection-failure.ts'
import { type PostgresAddress, placeOf } from './database-url.ts'
import { openSession } from './postgres-session.ts'
import { factsOf, type ServerFacts } from './server-facts.ts'
import { asOptions, pins, pinsOf } from './session-settings.ts'

/**
 * Waits until a server accepts connections.
 * @param limit in milliseconds
 * @throws StartError after this time, or at once if waiting does not help
 */
export async function waitForServer(address: PostgresAddress, log: Log, limit: number): Promise<ServerFacts> {
  const label = `PostgreSQL at ${placeOf(address)}`
  const deadline = Date.now() + limit
  let reported: string | undefined
  let settings = asOptions(pins)
  for (let attempt = 0; ; attempt += 1) {
    try {
      const client = await openSession(address, settings)
      try {
        return await factsOf(client)
      } finally {
        await client.end()
      }
    } catch (error) {
      const failure = explain(error)
      if (isTransactionTimeout(error) && settings === asOptions(pins)) {
        settings = asOptions(pinsOf(170_000))
        continue
      }
      // PgBouncer also reports 08P01 while the server behind it is down.
      const passes = failure.passes || (address.transactionPooler && isProtocolViolation(error))
      if (!passes || Date.now() >= deadline) throw connectionFailure(label, error)
      const seconds = Math.ceil((deadline - Date.now()) / 1000)
      if (failure.what !== reported)
        report(log, `waiting for ${label} for ${seconds} s at most: ${sentence(failure)}`)
      reported = failure.what
      await pause(Math.min(1000, 100 * 2 ** attempt))
    }
  }
}

const isProtocolViolation = (error: unknown) => error instanceof pg.DatabaseError && error.code === '08P01'
/** Since PostgreSQL 17, which can limit the length of a transaction. */
const isTransactionTimeout = (error: unknown) => error instanceof pg.DatabaseError && error.code === '25P04'
const sentence = ({ what, fix }: Failure) => `${what}. ${fix}`

/** Commands log errors only, so for them the reason goes to standard error. */
function report(log: Log, message: string): void {
  if (log.isLevelEnabled('warn')) log.warn(message)
  else if (log.isLevelEnabled('error')) process.stderr.write(`${message}\n`)
}
