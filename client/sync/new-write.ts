import type { Copy, Write } from './copy.ts'
import { type Effect, effectsOf } from './effects.ts'
import { type Fields, fieldsOf, pick, valuesIn } from './fields.ts'
import { keyOf, newKey, type SyncOperation, typeOf } from './operations.ts'

/** A write of operations, for the copy as it is. */
export function newWrite(copy: Copy, operations: readonly SyncOperation[]): Omit<Write, 'seq'> {
  const base = baseOf(copy, operations)
  return {
    key: newKey(),
    operations,
    effects: effectsOf(operations, copy),
    targets: targetsOf(copy, operations),
    ...(base && { base }),
  }
}

/** What takes effects back: the items as they are now. */
export const inverseOf = (effects: readonly Effect[], copy: Copy): Effect[] =>
  effects
    .map(({ type, id, set }): Effect => {
      const item = type === 'settings' ? copy.settings : copy[`${type}s`].get(id)
      if (!item) return { type, id, set: null }
      return { type, id, set: set ? pick({ ...item }, Object.keys(set)) : { ...item }, isNew: !set }
    })
    .reverse()

/** What the server had in the fields of an update, before the writes that wait. */
function baseOf(copy: Copy, [update, ...others]: readonly SyncOperation[]): Fields | undefined {
  if (!update || others.length > 0) return undefined
  if (update.op !== 'update' && update.op !== 'update_list') return undefined
  const key = keyOf(typeOf(update), update.id)
  const item = copy.base.get(key)
  if (!item) return undefined
  const names = Object.keys(fieldsOf(update.changes))
  let base = valuesIn(item, names)
  for (const { operations, base: earlier, problem } of copy.writes) {
    const [one] = operations
    if (problem || !earlier || !one || !('id' in one) || keyOf(typeOf(one), one.id) !== key) continue
    const shared = names.filter(name => Object.hasOwn(earlier, name))
    base = { ...base, ...pick(earlier, shared) }
  }
  return base
}

function targetsOf(copy: Copy, operations: readonly SyncOperation[]): Record<string, string> {
  const found = operations.flatMap(one => {
    const key = keyOf(typeOf(one), 'id' in one ? one.id : 0)
    const item = copy.base.get(key)
    return item && 'created_at' in item ? [[key, item.created_at] as const] : []
  })
  return Object.fromEntries(found)
}
