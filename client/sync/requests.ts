import type { Call } from '../transport.ts'
import { isCreation, mapIds, type SyncOperation, typeOf } from './operations.ts'

/** The temporary ids that operations need from the server before they can be sent. */
export function missingIds(operations: readonly SyncOperation[]): Set<number> {
  const ids = new Set<number>()
  for (const one of operations) mapIds(one, id => ids.add(id))
  for (const one of operations) if (isCreation(one)) ids.delete(one.id)
  return ids
}

/** One operation has a route of its own, several are a batch. */
export function requestOf(
  operations: readonly SyncOperation[],
): Pick<Call, 'method' | 'path' | 'query' | 'json'> {
  const [one] = operations
  const base = '/api/v1'
  if (!one || operations.length > 1)
    return { method: 'POST', path: `${base}/batch`, json: { operations: withRefs(operations) } }
  if (one.op === 'undo') return { method: 'POST', path: `${base}/undo`, json: { change: one.change } }
  if (one.op === 'settings') return { method: 'PATCH', path: `${base}/settings`, json: one.changes }
  const path = `${base}/${typeOf(one)}s`
  if ('task' in one) return { method: 'POST', path, json: one.task }
  if ('list' in one) return { method: 'POST', path, json: one.list }
  const { op, id, ...rest } = one
  const item = `${path}/${id}`
  if ('changes' in rest) return { method: 'PATCH', path: item, json: rest.changes }
  switch (op) {
    case 'delete':
      return { method: 'DELETE', path: item }
    case 'delete_list':
      return {
        method: 'DELETE',
        path: item,
        query: { move_tasks_to: 'move_tasks_to' in rest ? rest.move_tasks_to : undefined },
      }
    case 'move':
    case 'move_list':
      return { method: 'POST', path: `${item}/move`, json: rest }
    default:
      return { method: 'POST', path: `${item}/restore` }
  }
}

function withRefs(operations: readonly SyncOperation[]): object[] {
  const refs = new Map<number, string>()
  return operations.map((one, n) => {
    const { id, ...rest } = mapIds(one, from => refs.get(from) ?? from) as SyncOperation & { id: number }
    if (!isCreation(one)) return { id, ...rest }
    refs.set(one.id, `$${n}`)
    return { ...rest, ref: String(n) }
  })
}
