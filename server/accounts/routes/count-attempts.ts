import type { FastifyRequest } from 'fastify'
import { turnKeysOf } from '../../limits/network.ts'
import { byAccount, byAddress, byProof, byRecipient, bySignIn, type Count } from '../attempts.ts'
import { decoded, readCookies } from '../cookies.ts'
import type { Device } from '../devices.ts'
import type { Call } from './call.ts'
import type { Fields } from './read-fields.ts'

export interface Counts {
  /** Given back if the password is right. */
  readonly guesses: readonly Count[]
  readonly work: readonly Count[]
}

/** The counts that a call uses up. */
export function countsOf(
  { id, attempts }: Call,
  { ip }: FastifyRequest,
  fields: Fields | undefined,
  device: Device | undefined,
): Counts {
  const email = String(fields?.email ?? fields?.newEmail ?? '')
  switch (attempts) {
    case 'address':
      return { guesses: [byAddress(ip)], work: [] }
    case 'recipient':
      return { guesses: byRecipient(id, email, ip), work: [] }
    case 'proof':
      return { guesses: byProof(id, email, ip, device), work: [] }
    case 'account':
      return { guesses: byAccount(email, ip, device), work: bySignIn(email, ip, device) }
    case undefined:
      return { guesses: [], work: [] }
    default:
      return attempts satisfies never
  }
}

/**
 * Turns at hashing passwords are shared fairly among these: the caller's site and network, and the
 * account, session or link.
 */
export function turnKeys(
  { ip, headers }: FastifyRequest,
  fields: Fields | undefined,
  device: Device | undefined,
): string[] {
  if (device) return [`device ${device.userId} ${device.id}`]
  const account = fields?.email ?? fields?.token ?? sessionIn(headers.cookie)
  return [...turnKeysOf(ip), `account ${String(account)}`]
}

/** The token of the session, without its encoding and signature. */
function sessionIn(header: string | undefined): string {
  const [, value = ''] =
    readCookies(header).find(([name]) => name.endsWith('better-auth.session_token')) ?? []
  return decoded(value.replaceAll('"', '')).replace(/\.[^.]*$/, '')
}
