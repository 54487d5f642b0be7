import { call, DulyError, newKey, type Written } from './api.ts'
import { write } from './database.ts'
import { announce } from './notices.ts'
import { type Change, confirmedTask, giveId, realId, showAll, showEffects, takeChanges } from './replica.ts'
import { AuthError } from './session.ts'
import { state, update } from './store.ts'
import type { List, Settings, Task, Write } from './types.ts'

// Writes are shown at once, stored, and sent in order, each with a key that makes repetition safe.
// What the server refuses stays here until the user has decided.

type NewWrite = Pick<Write, 'method' | 'path' | 'json' | 'effects' | 'label' | 'basedOn'>

let lastSeq = Date.now()
let sending: Promise<void> | undefined
let retry: ReturnType<typeof setTimeout> | undefined
let pauseMs = 1000

/** A new id, for an item that the server does not know yet. */
export function newId(): number {
  lastSeq = Math.max(lastSeq + 1, Date.now())
  return -lastSeq
}

/** Called with the key of each write that the server has confirmed, and the id of its change. */
export const onConfirmed: { listener?: (key: string, change: string | undefined) => void } = {}

/** Shows and stores a write, and sends it as soon as possible. @returns its key */
export function enqueue(given: NewWrite): string {
  lastSeq = Math.max(lastSeq + 1, Date.now())
  const made = withRealIds({ ...given, seq: lastSeq, key: newKey() })
  update({ writes: [...state.writes, made] })
  showEffects(made.effects)
  void write('writes', [[made.seq, made]])
    // A second time: the first may be one that was about to end.
    .then(send)
    .then(() => (state.writes.includes(made) && state.isOnline ? send() : undefined))
  return made.key
}

/** Replaces a write, or removes it where `next` is undefined. */
export async function replaceWrite(seq: number, next?: Write): Promise<void> {
  const writes = state.writes.flatMap(one => (one.seq === seq ? (next ? [next] : []) : [one]))
  update({ writes })
  await write('writes', [[seq, next]])
}

/** Takes a write back that was not sent. @returns whether it could be */
export async function takeBack(key: string): Promise<boolean> {
  const found = state.writes.find(one => one.key === key)
  if (!found || inFlight === key) return false
  await replaceWrite(found.seq)
  showAll()
  return true
}

let inFlight: string | undefined

/** Sends all writes that wait, in order. Resolves when it has done so, or cannot go on. */
export function send(): Promise<void> {
  sending ??= sendAll().finally(() => {
    sending = undefined
  })
  return sending
}

async function sendAll(): Promise<void> {
  if (state.session !== 'in') return
  clearTimeout(retry)
  try {
    for (let next = firstReady(); next; next = firstReady()) {
      inFlight = next.key
      await sendOne(next)
      pauseMs = 1000
    }
    update({ isOnline: true })
  } catch (error) {
    if (error instanceof AuthError && error.status === 401) return update({ session: 'out' })
    if (!navigator.onLine || !(error instanceof DulyError)) update({ isOnline: false })
    retry = setTimeout(send, pauseMs)
    pauseMs = Math.min(pauseMs * 2, 60_000)
  } finally {
    inFlight = undefined
  }
}

/** A write waits behind one that was refused if both are about the same item. */
function firstReady(): Write | undefined {
  const blocked: string[] = []
  for (const one of state.writes) {
    const items = one.effects.map(({ type, id }) => `${type}:${id}`)
    const text = JSON.stringify(one.json ?? '')
    // An item whose creation was refused has no id yet to be sent.
    const isBlocked = blocked.some(
      item => items.includes(item) || (/:-\d/.test(item) && text.includes(item.slice(item.indexOf('-')))),
    )
    if (!one.problem && !isBlocked) return one
    blocked.push(...items)
  }
  return undefined
}

const temporary = new Set([408, 425, 429, 500, 502, 503, 504])

async function sendOne(one: Write): Promise<void> {
  const { method, path, json, key, basedOn } = one
  const id = one.effects[0]?.id ?? 0
  const known = basedOn && confirmedTask(id)
  const ifMatch = known && isUnchanged(known, basedOn) ? { 'if-match': `"${known.revision}"` } : undefined
  if (known && !ifMatch) return refuse(one, { kind: 'conflict', message: '', theirs: known })
  try {
    const headers = { 'idempotency-key': key, ...ifMatch }
    const written = await call<Answer | undefined>({
      method,
      path,
      headers,
      ...(json === undefined ? {} : { json }),
    })
    await confirm(one, written)
  } catch (error) {
    if (!(error instanceof DulyError) || temporary.has(error.status) || error.status === 401) throw error
    if (error.status === 412) return rebase(one, id)
    const isGone = error.status === 404 && method !== 'DELETE'
    if (error.status === 404 && method === 'DELETE') return replaceWrite(one.seq)
    await refuse(one, { kind: isGone ? 'gone' : 'refused', message: error.message })
  }
}

/** The task has changed since: send the change again if nobody else has changed the same fields. */
async function rebase(one: Write, id: number): Promise<void> {
  const { body } = await call<Task>({ method: 'GET', path: `/tasks/${id}` })
  await takeChanges([{ type: 'task', id, task: body }])
  if (one.basedOn && isUnchanged(body, one.basedOn)) return replaceWrite(one.seq, { ...one, key: newKey() })
  await refuse(one, { kind: 'conflict', message: '', theirs: body })
}

function isUnchanged(task: Task, basedOn: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(basedOn).every(
    ([name, value]) => JSON.stringify(task[name as keyof Task] ?? null) === JSON.stringify(value ?? null),
  )
}

async function refuse(one: Write, problem: NonNullable<Write['problem']>): Promise<void> {
  await replaceWrite(one.seq, { ...one, problem })
  showAll()
  announce({ kind: 'problem' })
}

interface Result {
  readonly task?: Task
  readonly list?: List
  readonly type?: 'task' | 'list'
  readonly id?: number
  readonly deleted?: boolean
}
type Answer = Task | List | Settings | { readonly results: readonly Result[] }

/** The server has done it: its answer replaces what was shown meanwhile. */
async function confirm(one: Write, { body, change }: Written<Answer | undefined>): Promise<void> {
  const changes = changesIn(one, body)
  const made = one.effects.find(({ id }) => id < 0)
  const created = made && changes.find(({ type }) => type === made.type)
  if (made && created?.id !== undefined) await renumber(made.id, created.id)
  await replaceWrite(one.seq)
  await takeChanges(changes)
  onConfirmed.listener?.(one.key, change)
}

function changesIn(one: Write, body: Answer | undefined): Change[] {
  if (body === undefined) {
    return one.effects.filter(({ set }) => set === null).map(({ type, id }) => ({ type, id, deleted: true }))
  }
  if ('results' in body) return body.results.map(changeOf)
  if ('title' in body) return [{ type: 'task', id: body.id, task: body }]
  if ('name' in body) return [{ type: 'list', id: body.id, list: body }]
  return 'time_zone' in body ? [{ type: 'settings', settings: body }] : []
}

function changeOf({ task, list, type = 'task', id = 0 }: Result): Change {
  if (task) return { type: 'task', id: task.id, task }
  if (list) return { type: 'list', id: list.id, list }
  return { type, id, deleted: true }
}

/** Writes that wait for an item refer to the id that the server gave it. */
async function renumber(first: number, real: number): Promise<void> {
  giveId(first, real)
  const changed = state.writes.map(withRealIds)
  update({ writes: changed })
  await write(
    'writes',
    changed.map(one => [one.seq, one]),
  )
}

/** Ids that were made here have 13 digits or more, after a minus. */
const madeHere = /(?<![\w.])-\d{13,}/g

function withRealIds(one: Write): Write {
  const text = JSON.stringify(one)
  const real = text.replaceAll(madeHere, id => String(realId(Number(id))))
  return real === text ? one : JSON.parse(real)
}
