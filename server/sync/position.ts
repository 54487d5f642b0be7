import { createHash } from 'node:crypto'
import { AppError } from '../errors.ts'
import { notValue } from '../quote.ts'
import type { OwnerState } from '../tasks/list-page.ts'

// The position of a client in the change log. As a token it is opaque to clients, in base64url. It
// is not signed: an invented token selects only what its owner may read.

/** After this entry of an owner's change log. */
export interface Position {
  readonly epoch: string
  readonly revision: number
  readonly type: number
  readonly id: number
}

/**
 * Can be a first sync in progress: `type` and `id` are the last item that was sent. `revision` is
 * that of its start; afterwards, the log is read from there.
 */
export interface Since extends Position {
  readonly isFirst: boolean
}

/** After every entry of a revision. */
const end = { type: 9, id: Number.MAX_SAFE_INTEGER }

/** After all changes up to this state. */
export const positionAt = ({ epoch, revision }: OwnerState): Position => ({ epoch, revision, ...end })

export const isWhole = ({ type }: Position): boolean => type === end.type

/** The end of a revision, or the place behind one of its entries. */
export const positionAfter = (
  epoch: string,
  { revision, type, id, isLast }: { revision: number; type: number; id: number; isLast: boolean },
): Position => (isLast ? { epoch, revision, ...end } : { epoch, revision, type, id })

export function writePosition(
  owner: string,
  { epoch, revision, type, id }: Position,
  isFirst = false,
): string {
  const place = type === end.type ? [revision] : [revision, type, id]
  return Buffer.from([isFirst ? 'f' : 'd', ownerTag(owner), epoch, ...place].join('.')).toString('base64url')
}

/** @throws AppError `broken_rule` if it is not a position of this owner */
export function readPosition(owner: string, token: string): Since {
  const text = /^[\w-]{1,200}$/.test(token) ? Buffer.from(token, 'base64url').toString('latin1') : ''
  const form = /^([df])\.([\w-]{8})\.(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,15})(?:\.([0-3])\.(0|[1-9]\d{0,15}))?$/
  const [, kind, tag, epoch = '0', revision, type = String(end.type), id = String(end.id)] =
    form.exec(text) ?? []
  const numbers = { revision: Number(revision), type: Number(type), id: Number(id) }
  // The position of a first sync is an item.
  const isPlace = kind === 'd' || (numbers.type >= 1 && numbers.type <= 3)
  const isOne = tag === ownerTag(owner) && isPlace && Object.values(numbers).every(Number.isSafeInteger)
  if (!isOne) throw notOne(token)
  return { epoch, ...numbers, isFirst: kind === 'f' }
}

function notOne(token: string): AppError {
  const message = `"since" must be the \`next\` of a page of your changes, or the \`id\` of one of your events${notValue(token)}.`
  return new AppError('broken_rule', message, {
    problems: [{ field: 'since', in: 'query', message }],
  })
}

/** @throws AppError `resync_required` if the log no longer reaches back to the position */
export function checkReach(position: Position, state: OwnerState, oldest: number | undefined): void {
  const { epoch, revision } = position
  // Nothing had been written yet, so nothing can have been missed before revision 1.
  const isFresh = epoch === '0' && revision === 0
  const isCurrent = state.revision === revision && isWhole(position)
  const isSame = isFresh || state.epoch === epoch
  // Revisions have no gaps, and are removed as a whole.
  const needed = isWhole(position) ? revision + 1 : revision
  if (isSame && (isCurrent || (state.revision >= revision && oldest !== undefined && oldest <= needed)))
    return
  throw new AppError(
    'resync_required',
    'The changes since then are no longer available. Start again without "since".',
  )
}

/** A position of one owner is rejected for another. */
const ownerTag = (owner: string) => createHash('sha256').update(owner).digest('base64url').slice(0, 8)
