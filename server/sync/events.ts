import type { Session } from '../db/database.ts'
import { authorOf } from '../tasks/author.ts'
import { changeId } from '../tasks/change-id.ts'
import { actions } from '../tasks/changes.ts'
import type { OwnerState } from '../tasks/list-page.ts'
import { type Body, batchBytes, changeJson, keyOf, readLive, typeNames } from './items.ts'
import { type Entry, readLog } from './log.ts'
import { type Position, positionAfter } from './position.ts'

// The entries of the change log as events: one for each item of each change, with the item as it
// is when the event is read.

export interface Event {
  /** After it. */
  readonly position: Position
  /** Such as `task.created`. */
  readonly name: string
  /** JSON. */
  readonly data: string
  readonly entry: Entry
}

export interface EventPage {
  readonly state: OwnerState
  readonly events: readonly Event[]
  readonly end: Position
  readonly hasMore: boolean
}

const maxEntries = 200

const names: Readonly<Record<number, string>> = {
  [actions.created]: 'created',
  [actions.updated]: 'updated',
  [actions.completed]: 'completed',
  [actions.reopened]: 'reopened',
  [actions.deleted]: 'deleted',
  [actions.moved]: 'moved',
  [actions.restored]: 'restored',
  [actions.discarded]: 'created',
  [actions.rebalanced]: 'moved',
  [actions.purged]: 'deleted',
  [actions.deletedInSteps]: 'deleted',
  [actions.restoredInSteps]: 'restored',
}

export const settingsEvent = 'settings.updated'
/** The names of all events. */
export const eventNames = [
  ...['task', 'list'].flatMap(type => [...new Set(Object.values(names))].map(name => `${type}.${name}`)),
  settingsEvent,
]

/**
 * The next events after a position.
 * @param run runs one statement
 * @throws AppError `resync_required`
 */
export async function readEvents(
  owner: string,
  position: Position,
  run: <T>(read: (db: Session) => Promise<T>) => Promise<T>,
): Promise<EventPage> {
  const page = await run(db => readLog(db, owner, position, maxEntries))
  const { state } = page
  const entries = page.entries.slice(0, within(page.entries))
  const isCut = entries.length < page.entries.length
  const bodies = await readLive(entries, owner, run)
  const events = entries.map((entry): Event => {
    return {
      position: positionAfter(state.epoch, entry),
      name: nameOf(entry),
      data: dataOf(owner, state.epoch, entry, bodies),
      entry,
    }
  })
  const end = isCut ? (events.at(-1)?.position ?? page.end) : page.end
  return { state, events, end, hasMore: isCut || page.hasMore }
}

/** The JSON of an event. @param bodies of the items that live */
export function dataOf(
  owner: string,
  epoch: string,
  entry: Pick<Entry, 'type' | 'id' | 'revision' | 'actor'>,
  bodies: ReadonlyMap<string, Body>,
): string {
  const by = `"by":${JSON.stringify(authorOf(entry.actor))}`
  const change = `"change":"${changeId(owner, { epoch, revision: entry.revision })}"`
  return changeJson(entry, bodies.get(keyOf(entry)), `,${by},${change}`)
}

/** How many of the entries are read together: one at least. */
function within(entries: readonly Entry[]): number {
  let bytes = 0
  const first = entries.findIndex(entry => {
    bytes += entry.bytes
    return bytes > 2 * batchBytes
  })
  return first < 0 ? entries.length : Math.max(1, first)
}

function nameOf({ type, action }: Entry): string {
  const name = typeNames[type]
  return name === 'settings' ? settingsEvent : `${name}.${names[action]}`
}
