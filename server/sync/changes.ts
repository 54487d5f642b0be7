import type { Reader, Reads, Session } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { itemTypes } from '../tasks/changes.ts'
import { readState } from '../tasks/list.ts'
import { batchBytes, batchRows, changeJson, keyOf, readLive, readNext } from './items.ts'
import { type Entry, isNews, readLog } from './log.ts'
import { type Position, positionAfter, positionAt, type Since } from './position.ts'

// What has changed since a position, for a client that holds a copy.

export interface ChangesPage {
  /** JSON of the changes. */
  readonly changes: readonly string[]
  readonly next: Position
  /** Whether `next` is part of a first sync. */
  readonly isFirst: boolean
  readonly hasMore: boolean
}

/** Approximate size of a page in bytes. A page ends before an item that would exceed it. */
const maxBytes = 1024 * 1024
/** Minimum number of log entries that are read for a page. */
const leastEntries = 100

/** The changes of one owner. */
export class Changes {
  readonly #reads: Reads
  readonly #owner: string
  readonly #reader: Reader & { readonly seesSettings: boolean }

  constructor(reads: Reads, owner: string, reader: Reader & { readonly seesSettings: boolean }) {
    this.#reads = reads
    this.#owner = owner
    this.#reader = reader
  }

  /**
   * Returns a page. Without `since`, it is the first page of all live items.
   * @throws AppError `resync_required`
   */
  async page(since: Since | undefined, limit: number): Promise<ChangesPage> {
    if (since && !since.isFirst) return this.#delta(since, limit)
    const state = await this.#read(db => readState(db, this.#owner))
    if (!since) {
      const { revision, epoch } = state
      return this.#first(
        { epoch, revision, type: itemTypes.settings, id: 0, isFirst: true },
        state.revision,
        limit,
      )
    }
    if (since.epoch !== state.epoch || since.revision > state.revision)
      throw new AppError('resync_required', 'The data was replaced since. Start again without "since".')
    return this.#first(since, state.revision, limit)
  }

  /** Items by key: settings, then lists, then tasks. */
  async #first(since: Since, revision: number, limit: number): Promise<ChangesPage> {
    const changes: string[] = []
    let { type, id } = since
    let bytes = 0
    let rows = leastEntries
    while (changes.length < limit && bytes < maxBytes) {
      const wanted = Math.min(limit - changes.length, rows)
      const found = await this.#read(db => readNext(db, this.#owner, type, id, wanted))
      for (const body of found) {
        if (type === itemTypes.settings && !this.#reader.seesSettings) continue
        changes.push(changeJson({ type, id: body.id }, body))
        bytes += body.json.length
        id = body.id
      }
      rows = Math.max(1, Math.min(batchRows, Math.floor((batchBytes * changes.length) / (bytes + 1))))
      if (type !== itemTypes.settings && found.length === wanted) continue
      if (type === itemTypes.task) {
        // The rest is in the log.
        const next = positionAt({ epoch: since.epoch, revision: since.revision })
        return { changes, next, isFirst: false, hasMore: revision > since.revision }
      }
      type = type === itemTypes.settings ? itemTypes.list : itemTypes.task
      id = 0
    }
    return { changes, next: { ...since, type, id }, isFirst: true, hasMore: true }
  }

  /** Each changed item once, in the order of the last changes. */
  async #delta(since: Position, limit: number): Promise<ChangesPage> {
    const most = Math.max(limit, leastEntries)
    const { state, entries, end, hasMore } = await this.#read(db => readLog(db, this.#owner, since, most))
    const chosen = new Map<string, Entry>()
    let next: Position | undefined
    let bytes = 0
    for (const [n, entry] of entries.entries()) {
      if (!isNews(entry) || (isSettings(entry) && !this.#reader.seesSettings)) continue
      if (chosen.size === limit || (chosen.size > 0 && bytes + entry.bytes > maxBytes)) {
        next = positionAfter(state.epoch, entries[n - 1] as Entry)
        break
      }
      bytes += entry.bytes
      // A deleted item can have two entries: for the trash, and for its removal.
      chosen.delete(keyOf(entry))
      chosen.set(keyOf(entry), entry)
    }
    const changed = [...chosen.values()]
    const bodies = await readLive(changed, this.#owner, read => this.#read(read))
    const changes = changed.flatMap(entry => {
      if (entry.state !== 'live') return [changeJson(entry)]
      const body = bodies.get(keyOf(entry))
      // An item that has changed meanwhile is on a later page.
      return body && body.revision <= entry.revision ? [changeJson(entry, body)] : []
    })
    return { changes, next: next ?? end, isFirst: false, hasMore: next !== undefined || hasMore }
  }

  #read<T>(read: (db: Session) => Promise<T>): Promise<T> {
    return this.#reads.moreOfList(this.#owner, read, this.#reader)
  }
}

const isSettings = ({ type }: Entry) => type === itemTypes.settings
