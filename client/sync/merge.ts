import type { Context } from './context.ts'
import type { Write } from './copy.ts'
import { effectsOf } from './effects.ts'
import { changesOf, type Fields, fieldsOf, omit, overlapOf, pick, valuesIn } from './fields.ts'
import { guarded } from './guarded.ts'
import type { Item } from './operations.ts'

interface Merged {
  /** What is left of the write, for the revision of the item. */
  readonly rest?: Write
  /** What the server's values have won over. */
  readonly conflict?: Write
}

/**
 * Merges an update with an item that has changed, field by field (a three-way merge). Fields that
 * only one side has changed are no conflict, nor those that both have changed to the same value.
 */
export function merged({ copy, onConflict }: Context, one: Write, item: Item, newKey: () => string): Merged {
  const [update] = one.operations
  const { base } = one
  if (!base || !update || !('revision' in item)) return { rest: one }
  if (update.op !== 'update' && update.op !== 'update_list') return { rest: one }
  const mine = fieldsOf(update.changes)
  const theirs = valuesIn(item, Object.keys(mine))
  const names = overlapOf(base, mine, theirs)
  const both = { base: pick(base, names), mine: pick(mine, names), theirs: pick(theirs, names) }
  const type = update.op === 'update' ? 'task' : 'list'
  const ask = () => onConflict?.({ type, id: update.id, ...both })
  const decided = (names.length > 0 && guarded(ask)) || {}
  const lost = names.filter(name => !Object.hasOwn(decided, name))
  const fields = { ...omit(mine, lost), ...pick(decided, omitted(names, lost)) }

  const withFields = (chosen: Fields): Write => {
    const operations = [{ ...update, changes: changesOf(chosen) }]
    return { ...one, operations, effects: effectsOf(operations, copy) }
  }
  const hasRest = Object.keys(fields).length > 0
  return {
    // The revision is stored before the write is sent: a repetition must be the same request.
    ...(hasRest && {
      rest: { ...withFields(fields), base: { ...base, ...both.theirs }, match: item.revision },
    }),
    ...(lost.length > 0 && {
      conflict: {
        ...withFields(pick(mine, lost)),
        ...(hasRest && { key: newKey() }),
        problem: {
          kind: 'conflict',
          message: 'The same fields were changed elsewhere.',
          theirs: pick(theirs, lost),
        },
      },
    }),
  }
}

const omitted = (names: readonly string[], without: readonly string[]) =>
  names.filter(name => !without.includes(name))
