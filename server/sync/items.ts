import type { Session } from '../db/database.ts'
import type { Fields, FieldTable, ItemOf } from '../fields/field.ts'
import { itemTypes } from '../tasks/changes.ts'
import { tasks } from '../tasks/fields.ts'
import { lists } from '../tasks/list-fields.ts'
import { tasksOfIds } from '../tasks/list-statement.ts'
import { settings, settingsOf } from '../tasks/settings.ts'
import { listsAfter, listsOfIds, tasksAfter } from '../tasks/sync-statements.ts'

// The bodies of changed items, as `v1` shows them.

/** Limits of one statement: approximate bytes, and items. */
export const batchBytes = 64 * 1024
export const batchRows = 200

/** An item as it is: its revision, and its JSON. */
export interface Body {
  readonly id: number
  readonly revision: number
  readonly json: string
}

/** The names of the item types on the wire, by `item_type`. */
export const typeNames: Readonly<Record<number, 'task' | 'list' | 'settings'>> = {
  [itemTypes.task]: 'task',
  [itemTypes.list]: 'list',
  [itemTypes.settings]: 'settings',
}

interface Item {
  readonly type: number
  readonly id: number
}

export const keyOf = ({ type, id }: Item): string => `${type} ${id}`

/** A change as JSON. @param body of a live item @param more further members */
export function changeJson({ type, id }: Item, body?: Body, more = ''): string {
  const name = typeNames[type]
  const named = type === itemTypes.settings ? '' : `,"id":${id}`
  const state = body ? `false,"${name}":${body.json}` : 'true'
  return `{"type":"${name}"${named},"deleted":${state}${more}}`
}

/**
 * The bodies of those items that are live, by key.
 * @param run runs one statement
 */
export async function readLive(
  entries: readonly (Item & { readonly state: string; readonly bytes: number })[],
  owner: string,
  run: <T>(read: (db: Session) => Promise<T>) => Promise<T>,
): Promise<ReadonlyMap<string, Body>> {
  const bodies = new Map<string, Body>()
  const wanted = new Map(entries.filter(({ state }) => state === 'live').map(entry => [keyOf(entry), entry]))
  for (const { type, ids } of batchesOf([...wanted.values()])) {
    for (const body of await run(db => readBodies(db, owner, type, ids)))
      bodies.set(keyOf({ type, id: body.id }), body)
  }
  return bodies
}

function batchesOf(items: readonly (Item & { readonly bytes: number })[]) {
  const batches: { readonly type: number; readonly ids: number[]; bytes: number }[] = []
  for (const { type, id, bytes } of items) {
    const batch = batches.findLast(batch => batch.type === type)
    if (batch && batch.ids.length < batchRows && batch.bytes + bytes <= batchBytes) {
      batch.ids.push(id)
      batch.bytes += bytes
    } else batches.push({ type, ids: [id], bytes })
  }
  return batches
}

/** The live items with these ids. */
async function readBodies(
  db: Session,
  owner: string,
  type: number,
  ids: readonly number[],
): Promise<readonly Body[]> {
  if (type === itemTypes.task) return read(db, tasks, tasksOfIds, [owner, ids])
  if (type === itemTypes.list) return read(db, lists, listsOfIds, [owner, ids])
  return readSettings(db, owner)
}

/** The next live items by key, in the order of their ids. */
export function readNext(
  db: Session,
  owner: string,
  type: number,
  after: number,
  limit: number,
): Promise<readonly Body[]> {
  if (type === itemTypes.task) return read(db, tasks, tasksAfter, [owner, after, limit])
  if (type === itemTypes.list) return read(db, lists, listsAfter, [owner, after, limit])
  return readSettings(db, owner)
}

/** Also the defaults of a user who has set none. */
async function readSettings(db: Session, owner: string): Promise<readonly Body[]> {
  const { settings: item, revision } = await settingsOf(db, owner)
  return [{ id: 0, revision, json: jsonOf(settings, item) }]
}

async function read<F extends Fields>(
  db: Session,
  table: FieldTable<F>,
  ...[statement, values]: [Parameters<Session['read']>[0], Parameters<Session['read']>[1]]
): Promise<readonly Body[]> {
  const found: Body[] = []
  await db.read(statement, values, row => {
    const item: ItemOf<Fields> = table.read(row)
    const { id = 0, revision } = item as { id?: number; revision: number }
    found.push({ id, revision, json: jsonOf(table, item) })
  })
  return found
}

const jsonOf = ({ shown }: { readonly shown: readonly string[] }, item: ItemOf<Fields>) =>
  `{${shown.map(name => `"${name}":${JSON.stringify(item[name])}`).join()}}`
