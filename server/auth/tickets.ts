import { createHash, randomBytes } from 'node:crypto'
import { type Session, statement, unprepared } from '../db/database.ts'
import { network } from '../limits/network.ts'
import type { Caller } from './access-token-verifier.ts'
import type { Identity } from './identity.ts'
import { TokenError } from './token-error.ts'
import { TokenLookUps } from './token-look-ups.ts'

/** How long a ticket is valid. */
export const ticketSeconds = 60

const form = /^duly_ticket_[\w-]{43}$/

// Removes what has expired, so no job has to. Other requests may do the same at this moment.
const insert = unprepared(
  `with expired as (
    delete from duly.tickets where hash in (
      select hash from duly.tickets where expires_at < now() order by expires_at limit 100 for update skip locked
    )
  )
  insert into duly.tickets (hash, user_id, identity, expires_at)
  values ($1, $2, $3, now() + ${ticketSeconds} * interval '1 second')`,
)

// By hash, without an owner, like access tokens: this table is not distributed.
const take = statement(
  'tickets_take',
  `delete from duly.tickets where hash = any($1::text[]) and expires_at > now() returning hash, identity`,
)

/**
 * Tickets for requests that cannot send a header. A ticket stands for the token that created it,
 * and is used once.
 */
export class Tickets {
  readonly #db: Session
  readonly #lookUps: TokenLookUps
  readonly #taking = new Set<string>()

  constructor(db: Session) {
    this.#db = db
    this.#lookUps = new TokenLookUps(db, { find: take })
  }

  async create(identity: Identity): Promise<string> {
    const ticket = `duly_ticket_${randomBytes(32).toString('base64url')}`
    await this.#db.query(insert, [hashOf(ticket), identity.userId, JSON.stringify(identity)])
    return ticket
  }

  /**
   * @param from the client, whose network bounds the look-ups
   * @throws TokenError where there is no such ticket, or it was used
   */
  async take(ticket: string, from?: Caller): Promise<Identity> {
    const hash = hashOf(ticket)
    if (!form.test(ticket) || this.#taking.has(hash)) throw new TokenError('an unknown or used ticket')
    this.#taking.add(hash)
    try {
      const row = await this.#lookUps.find(hash, network(from?.ip ?? ''))
      if (!row) throw new TokenError('an unknown or used ticket')
      // As `create` has stored it.
      return JSON.parse(row[1] ?? '') as Identity
    } finally {
      this.#taking.delete(hash)
    }
  }
}

const hashOf = (ticket: string) => createHash('sha256').update(ticket).digest('base64url')
