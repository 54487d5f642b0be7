import { DulyConnectionError, DulyError } from '../errors.ts'
import type { Transport } from '../transport.ts'
import { confirmed, itemEntries } from './answers.ts'
import { isOffline } from './browser.ts'
import type { Context } from './context.ts'
import type { SyncProblem, Write } from './copy.ts'
import { omit } from './fields.ts'
import { merged } from './merge.ts'
import { type Item, isCreation, keyOf, newKey, typeOf } from './operations.ts'
import { missingIds, requestOf } from './requests.ts'

const timeout = 60_000
/**
 * After so many failures, while changes can be read, a write gets a problem and no longer holds up
 * the others.
 */
const maxFailures = 5

/** Sends the writes in their order. */
export function outboxOf(context: Context, transport: Transport, readNow: () => void) {
  const { copy, commit, signal, unsent } = context
  const failures = new Map<string, number>()
  let repeated = ''

  const refuse = (one: Write, problem: SyncProblem) =>
    commit([[`write:${one.key}`, { ...one, problem }]], { key: one.key })

  /** The next write to send. One that needs the id of an item waits until the item is created. */
  function next(): Write | undefined {
    const created = new Set(
      copy.writes.flatMap(({ operations }) =>
        operations.flatMap(one => (isCreation(one) && 'id' in one ? one.id : [])),
      ),
    )
    for (const one of copy.writes) {
      if (one.problem) continue
      const missing = [...missingIds(one.operations)]
      if (missing.length === 0) return one
      if (missing.every(id => created.has(id))) continue
      void refuse(one, { kind: 'gone', message: 'The item was not created.' })
      return next()
    }
    return undefined
  }

  /** Settles conflicts with the item as it is. @returns what is left to send */
  async function prepared(one: Write, item: Item): Promise<Write | undefined> {
    const { rest, conflict } = merged(context, one, item, newKey)
    await commit(
      [...(rest ? [rest] : []), ...(conflict ? [conflict] : [])].map(it => [`write:${it.key}`, it]),
      rest ? undefined : { key: one.key },
    )
    return rest
  }

  async function send(given: Write): Promise<void> {
    let one = given
    const [operation] = one.operations
    const type = operation ? typeOf(operation) : 'task'
    const id = operation && 'id' in operation ? operation.id : 0
    if (one.base && one.match === undefined) {
      const item = copy.base.get(keyOf(type, id))
      if (!item) return refuse(one, gone)
      const ready = await prepared(one, item)
      if (!ready) return
      one = ready
    }
    let change: string | undefined
    let isReplay = false
    try {
      const answer = await transport.send<Parameters<typeof confirmed>[2]>({
        ...requestOf(one.operations),
        headers: {
          'idempotency-key': one.key,
          ...(one.match !== undefined && { 'if-match': `"${one.match}${type === 'list' ? '-0' : ''}"` }),
        },
        signal,
        timeout,
        attempts: 1,
        onResponse: headers => {
          change = headers.get('duly-change') ?? undefined
          isReplay = headers.has('idempotent-replayed')
        },
      })
      void commit(confirmed(copy, one, answer, isReplay), { key: one.key, ...(change && { change }) })
    } catch (error) {
      if (error instanceof DulyConnectionError && isOffline()) unsent.add(one.key)
      const isLasting =
        error instanceof DulyError && error.problem && error.status < 500 && !isPassing(error.status)
      if (!isLasting && !failedTooOften(one, error)) throw error
      const { status, code, problem, message } = error as DulyError
      if (status === 412 && one.match !== undefined) {
        const found =
          problem?.task ??
          (await transport.send<Item>({ method: 'GET', path: `/api/v1/${type}s/${id}`, signal }))
        // Only single lists have the count.
        const item = omit({ ...found }, ['open_task_count']) as unknown as Item
        await commit(itemEntries(copy, keyOf(type, id), item))
        await prepared(one, item)
      } else if (code === 'answer_dropped' || (status === 404 && operation?.op.startsWith('delete'))) {
        // Done before.
        void commit(confirmed(copy, one, undefined, status !== 404), { key: one.key })
      } else await refuse(one, status === 404 ? gone : { kind: 'refused', message })
    }
  }

  function failedTooOften({ key }: Write, error: unknown): boolean {
    if (!(error instanceof DulyError) || isPassing(error.status)) return false
    failures.set(key, (failures.get(key) ?? 0) + 1)
    return (failures.get(key) ?? 0) >= maxFailures
  }

  return {
    next,

    /**
     * Repeats a creation whose response may have been lost, before changes are shown: they may
     * contain the item, which would be shown twice.
     * @returns whether there was one
     */
    async repeat(): Promise<boolean> {
      const one = next()
      if (!one?.operations.some(isCreation) || unsent.has(one.key) || one.key === repeated) return false
      repeated = one.key
      // If it fails again, the changes are shown all the same.
      await send(one).catch(() => undefined)
      return true
    },

    /** Sends until the signal is aborted. */
    async run(): Promise<void> {
      let pauseMs = 1000
      while (!signal.aborted) {
        const one = context.isCurrent ? next() : undefined
        if (!one) {
          await context.sleep()
          continue
        }
        try {
          unsent.delete(one.key)
          await context.inTurn(async () => {
            // Unless it was repeated before its turn.
            if (copy.writes.some(({ key }) => key === one.key)) await send(one)
          })
          context.succeeded()
          pauseMs = 1000
        } catch (error) {
          if (signal.aborted) return
          context.failed(error)
          await context.sleep(pauseMs)
          pauseMs = Math.min(pauseMs * 2, 60_000)
          // It is sent again once the server answers.
          readNow()
        }
      }
    },
  }
}

const gone: SyncProblem = { kind: 'gone', message: 'The item no longer exists.' }

/** Whether the status tells nothing about the write. */
const isPassing = (status: number): boolean => [401, 408, 425, 429, 502, 503, 504].includes(status)
