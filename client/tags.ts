import { iterate } from './pages.ts'
import type { components, operations } from './schema.ts'
import type { CallOptions, Transport } from './transport.ts'
import { type WriteOptions, written } from './writes.ts'

export type TagPage = components['schemas']['TagList']
export type Tag = TagPage['tags'][number]
export type TagOptions = NonNullable<operations['listTags']['parameters']['query']>
export type TaggedCount = components['schemas']['TaggedCount']

export type Tags = ReturnType<typeof tagsOf>

const path = '/api/v1/tags'

export function tagsOf(transport: Transport) {
  const list = (query: TagOptions = {}, options: CallOptions = {}): Promise<TagPage> =>
    transport.send({ method: 'GET', path, query, ...options })

  return {
    /** Returns one page of the tags, by name. */
    list,

    /** Iterates over the tags by name. */
    all: (options: CallOptions = {}) =>
      iterate(
        cursor => list(cursor, options),
        page => page.tags,
      ),

    /** Renames a tag on all tasks, or merges it into another one. */
    rename: (from: string, to: string, options: WriteOptions = {}): Promise<TaggedCount> =>
      transport.send({ method: 'POST', path: `${path}/rename`, json: { from, to }, ...written(options) }),

    /** Removes a tag from all tasks. */
    remove: (name: string, options: WriteOptions = {}): Promise<TaggedCount> =>
      transport.send({ method: 'POST', path: `${path}/delete`, json: { name }, ...written(options) }),
  }
}
