import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Copy, type Write } from '../client/sync/copy.ts'
import { newWrite } from '../client/sync/new-write.ts'
import type { SyncOperation } from '../client/sync/operations.ts'
import { byPosition } from '../client/sync/positions.ts'
import type { Entry } from '../client/sync/store.ts'
import type { Task } from '../client/tasks.ts'

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31)

it('knows the order of tasks after any changes, and is not changed by a pending write', () => {
  let state = seed
  const random = (below: number) => {
    state = (state * 48271) % 2147483647
    return state % below
  }
  const copy = new Copy()
  const list = () => [null, 1, 2][random(3)] ?? null
  const parent = () => (random(2) === 0 ? null : 1 + random(40))
  const entry = (id: number): Entry => {
    const place = { list_id: list(), parent_id: parent(), position: String.fromCharCode(33 + random(90)) }
    return [`task:${id}`, random(5) === 0 ? undefined : { id, created_at: '', ...place }]
  }
  const check = () => {
    const all = [...copy.tasks.values()]
    for (const [above, of] of [...all.map(({ id }) => [id, null]), [null, null], [null, 1], [null, 2]])
      assert.deepEqual(
        copy.childrenOf(above ?? null, of ?? null),
        all
          .filter(task => task.parent_id === above && (above !== null || task.list_id === of))
          .sort(byPosition),
        `seed ${seed}`,
      )
  }
  const operation = (): SyncOperation => {
    const id = 1 + random(40)
    const before = [null, 1 + random(40), undefined][random(3)]
    const place = { list_id: list(), ...(before !== undefined && { before }) }
    return [
      { op: 'move', id, ...place } as const,
      { op: 'delete', id } as const,
      { op: 'create', id: -1 - random(1000), task: { title: 'New', parent_id: parent() } } as const,
      { op: 'delete_list', id: 1 + random(2) } as const,
    ][random(4)] as SyncOperation
  }
  for (let round = 0; round < 60; round += 1) {
    // Many changes at once use a different code path than few.
    const count = round % 10 === 0 ? 500 : 1 + random(5)
    copy.apply(Array.from({ length: count }, () => entry(1 + random(round % 10 === 0 ? 600 : 40))))
    check()
    const before = new Map<number, Task>(copy.tasks)
    const made = newWrite(copy, Array.from({ length: 1 + random(4) }, operation))
    assert.deepEqual(new Map([...copy.tasks].sort()), new Map([...before].sort()), `seed ${seed}`)
    check()
    const write: Write = { ...made, seq: round }
    copy.apply([[`write:${made.key}`, write]])
    check()
    copy.apply([[`write:${made.key}`, undefined]])
    check()
  }
})
