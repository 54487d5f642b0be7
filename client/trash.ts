import { iterate } from './pages.ts'
import type { components, operations } from './schema.ts'
import type { CallOptions, Transport } from './transport.ts'
import { type WriteOptions, written } from './writes.ts'

export type TrashPage = components['schemas']['TrashList']
/** A deleted task or list: `type` tells which. */
export type TrashItem = TrashPage['items'][number]
export type TrashOptions = NonNullable<operations['listTrash']['parameters']['query']>

export type Trash = ReturnType<typeof trashOf>

const path = '/api/v1/trash'

export function trashOf(transport: Transport) {
  const list = (query: TrashOptions = {}, options: CallOptions = {}): Promise<TrashPage> =>
    transport.send({ method: 'GET', path, query, ...options })

  return {
    /** Returns one page, last deleted first. */
    list,

    /** Iterates over the trash, last deleted first. */
    all: (query: Omit<TrashOptions, 'cursor'> = {}, options: CallOptions = {}) =>
      iterate(
        cursor => list({ ...query, ...cursor }, options),
        page => page.items,
      ),

    /** Removes an item for good. */
    remove: (type: TrashItem['type'], id: number, options: WriteOptions = {}): Promise<void> =>
      transport.send({ method: 'DELETE', path: `${path}/${type}/${id}`, ...written(options) }),

    /** Removes all items for good. */
    empty: (options: WriteOptions = {}): Promise<void> =>
      transport.send({ method: 'DELETE', path, ...written(options) }),
  }
}
