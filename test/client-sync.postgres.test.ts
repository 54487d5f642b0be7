import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { after, afterEach, before, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  type Client,
  createClient,
  type Entry,
  memoryStore,
  type SharedStore,
  type Sync,
  type SyncOptions,
  type SyncStore,
  type Task,
} from '../client/index.ts'
import { networkOf } from '../client/sync/network.ts'
import { openSync } from '../client/sync/open.ts'
import { Transport } from '../client/transport.ts'
import { unprepared } from '../server/db/database.ts'
import { newUser, type Served, served, tokenOf, unlimited } from './served.ts'

// Local copies of several devices, which are offline, lose responses and are closed at any time.

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31)

let api: Served
const open = new Set<Device>()
before(async () => {
  api = await served(unlimited)
})
afterEach(() => {
  for (const device of open) device.sync.close()
  open.clear()
})
after(() => api.close())

/** What happens to requests: `lossy` loses the responses to every other write. */
type Network = 'on' | 'off' | 'lossy'

class Device {
  readonly client: Client
  readonly store: SyncStore
  readonly #options: SyncOptions
  sync!: Sync
  network: Network = 'on'
  #cut = new AbortController()
  #writes = 0
  /** Called before a request is sent. */
  beforeRequest?: (method: string) => Promise<unknown>
  /** Called before this device gets a response. */
  beforeResponse?: (method: string, text: string) => Promise<void>
  /** The method and path of each request that reached the server. */
  readonly sent: string[] = []

  constructor(user: string, store: SyncStore, options: SyncOptions) {
    this.store = store
    this.#options = options
    const url = api.server.url
    this.client = createClient({
      url,
      token: tokenOf(user),
      fetch: (to, init) => this.#fetch(String(to), init),
    })
  }

  async start(): Promise<this> {
    this.sync = await this.client.sync(this.store, this.#options)
    open.add(this)
    return this
  }

  async restart(): Promise<void> {
    this.sync.close()
    await this.start()
  }

  go(network: Network): this {
    this.network = network
    if (network === 'off') this.#cut.abort()
    else this.#cut = new AbortController()
    return this
  }

  /** Sends and reads, with the faults of the network. */
  async settle(): Promise<void> {
    for (;;) {
      try {
        return await this.sync.flush()
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
      }
    }
  }

  /** Includes problems that are found now, because a write needed an item of a discarded one. */
  async discardProblems(): Promise<void> {
    while (this.sync.problems.length > 0) {
      for (const { key } of this.sync.problems) this.sync.discard(key)
      await this.settle()
    }
  }

  async #fetch(url: string, { signal, ...init }: RequestInit = {}): Promise<Response> {
    if (this.network === 'off') throw new TypeError('no network')
    const { method = 'GET' } = init
    if (!/wait=/.test(url)) this.sent.push(`${method} ${new URL(url).pathname.slice('/api/v1'.length)}`)
    await this.beforeRequest?.(method)
    const signals = [this.#cut.signal, ...(signal ? [signal] : [])]
    const response = await fetch(url, { ...init, signal: AbortSignal.any(signals) })
    if (this.beforeResponse) await this.beforeResponse(method, await response.clone().text())
    if (method !== 'GET') this.#writes += 1
    if (method === 'GET' || this.network !== 'lossy' || this.#writes % 2 === 0) return response
    await response.text()
    throw new TypeError('the response was lost')
  }
}

const deviceOf = (user: string, options: SyncOptions = {}, store = memoryStore()) =>
  new Device(user, store, options).start()

const byId = (a: { id: number }, b: { id: number }) => a.id - b.id

/** The items on the server. */
async function onServer({ client }: Device): Promise<Task[]> {
  const found: Task[] = []
  for await (const task of client.tasks.all()) found.push(task)
  return found.sort(byId)
}

async function assertEqual(...devices: Device[]): Promise<Task[]> {
  const [first] = devices
  assert.ok(first)
  const expected = await onServer(first)
  const { lists } = await first.client.lists.list()
  for (const { sync } of devices) {
    assert.deepEqual(sync.waiting, [])
    assert.deepEqual(sync.tasks.all().sort(byId), expected)
    assert.deepEqual(
      sync.lists.all().sort(byId),
      lists.map(({ open_task_count: _count, ...list }) => list).sort(byId),
    )
  }
  return expected
}

const problemsOf = ({ sync }: Device) =>
  sync.problems.map(({ problem, operations: [one] }) => [problem?.kind, one?.op])

describe('a local copy', () => {
  it('contains each write at once, sends it, and replaces its temporary id', async () => {
    const user = newUser()
    const [laptop, phone] = [await deviceOf(user), await deviceOf(user)]
    laptop.go('off')
    const garden = await laptop.sync.lists.create({ name: 'Garden' })
    const beds = await laptop.sync.tasks.create({ title: 'Dig the beds', list_id: garden.id })
    const seeds = await laptop.sync.tasks.create({ title: 'Buy seeds', parent_id: beds.id })
    await laptop.sync.tasks.update(seeds.id, { is_completed: true, metadata: { id: -5, shop: 'Market' } })
    const [last, first] = [
      await laptop.sync.tasks.create({ title: 'Last', list_id: garden.id }),
      await laptop.sync.tasks.create({ title: 'First', list_id: garden.id }),
    ]
    await laptop.sync.tasks.move(first.id, { before: beds.id })
    await laptop.sync.settings.update({ language: 'de' })
    assert.equal(seeds.list_id, garden.id)
    assert.ok(beds.id < 0)
    await assert.rejects(laptop.sync.flush(), TypeError)
    assert.equal(laptop.sync.status.isOnline, false)
    const inOrder = (sync: Sync) =>
      sync.tasks
        .all()
        .filter(({ parent_id }) => parent_id === null)
        .sort((a, b) => (a.position < b.position ? -1 : 1))
        .map(({ title }) => title)
    assert.deepEqual(inOrder(laptop.sync), ['First', 'Dig the beds', 'Last'])

    const changed = new Set<number>()
    phone.sync.subscribe(({ tasks }) => {
      for (const id of tasks) changed.add(id)
    })
    laptop.go('on')
    await laptop.settle()
    await phone.settle()
    await assertEqual(laptop, phone)
    assert.deepEqual(inOrder(phone.sync), ['First', 'Dig the beds', 'Last'])
    const task = laptop.sync.tasks.get(seeds.id)
    assert.deepEqual(
      [task?.is_completed, task?.metadata, task?.parent_id],
      [true, { id: -5, shop: 'Market' }, laptop.sync.tasks.get(beds.id)?.id],
    )
    assert.ok(changed.has(laptop.sync.tasks.get(last.id)?.id ?? 0))
    assert.equal(phone.sync.settings.get()?.language, 'de')
    assert.deepEqual(laptop.sync.problems, [])
    await assert.rejects(laptop.sync.tasks.update(10 ** 9, { title: 'x' }), /no task 1000000000/)
    assert.throws(() => laptop.sync.write([{ op: 'delete', id: '1/../2' as unknown as number }]), TypeError)
  })

  it('shows a new task once if its change arrives before the response to its creation', async () => {
    const device = await deviceOf(newUser())
    await device.settle()
    const titles: string[] = []
    device.sync.subscribe(() =>
      titles.push(
        device.sync.tasks
          .all()
          .map(({ title }) => title)
          .join(),
      ),
    )
    const events = new EventEmitter()
    const arrived = once(events, 'change')
    device.beforeResponse = async (method, text) => {
      if (method === 'GET' && text.includes('Once')) events.emit('change')
      if (method !== 'POST') return
      await arrived
      // The device has time to show the change.
      for (let turn = 0; turn < 500; turn += 1) await setImmediate()
    }
    await device.sync.tasks.create({ title: 'Once' })
    await arrived
    await device.settle()
    assert.deepEqual([...new Set(titles)], ['Once'])
    await assertEqual(device)
  })

  it('shows a new task once if the response to its creation is lost', async () => {
    const device = await deviceOf(newUser())
    await device.settle()
    const titles = new Set<string>()
    device.sync.subscribe(() => titles.add(String(device.sync.tasks.all().map(({ title }) => title))))
    device.go('lossy')
    await device.sync.tasks.create({ title: 'Once' })
    await device.settle()
    assert.deepEqual(
      device.sent.filter(call => call.startsWith('POST')),
      ['POST /tasks', 'POST /tasks'],
    )
    assert.ok(!titles.has('Once,Once'))
    await assertEqual(device)
  })

  it('has a new task once, if changes are read before a creation whose response is lost', async () => {
    const device = await deviceOf(newUser())
    await device.settle()
    const events = new EventEmitter()
    const changesRead = once(events, 'changes')
    device.beforeResponse = async method => void (method === 'GET' && events.emit('changes'))
    device.beforeRequest = async method => method === 'POST' && changesRead
    device.go('lossy')
    await device.sync.tasks.create({ title: 'Once' })
    // The creation is in flight before changes are read.
    await setImmediate()
    await device.settle()
    assert.deepEqual(
      device.sync.tasks.all().map(({ title }) => title),
      ['Once'],
    )
    assert.equal(device.sent.filter(call => call.startsWith('POST')).length, 2)
  })

  it('converges with other copies and the server after random writes, losses and restarts', async () => {
    const random = randomFrom(seed)
    const user = newUser()
    const devices = [await deviceOf(user), await deviceOf(user)]
    for (let step = 0; step < 150; step += 1) {
      const device = devices[random(2)] as Device
      await act(device, random, `${step}`)
      if (random(12) === 0) device.go((['on', 'off', 'lossy'] as const)[random(3)] ?? 'on')
      if (random(40) === 0) await device.restart()
      if (random(15) === 0 && device.network !== 'off') await device.settle()
    }
    for (const device of devices) device.go('on')
    for (const device of [...devices, ...devices]) {
      await device.settle()
      await device.discardProblems()
    }
    try {
      const tasks = await assertEqual(...devices)
      assert.ok(tasks.length > 10)
      const names = tasks.map(({ metadata }) => metadata.made)
      assert.equal(new Set(names).size, names.length)
      for (const { sync, store } of devices) {
        const stored = [...(await store.load())].filter(([key]) => key.startsWith('task:'))
        assert.equal(stored.length, sync.tasks.all().length)
      }
    } catch (error) {
      throw new Error(`With TEST_SEED=${seed}`, { cause: error })
    }
  })

  it('deletes tasks that two devices have moved into each other', async () => {
    const user = newUser()
    const [laptop, phone] = [await deviceOf(user), await deviceOf(user)]
    for (const title of ['A', 'B']) await laptop.sync.tasks.create({ title })
    await laptop.settle()
    await phone.settle()
    const [a = 0, b = 0] = laptop.sync.tasks.all().map(({ id }) => id)
    laptop.go('off')
    await laptop.sync.tasks.move(b, { parent_id: a })
    await phone.sync.tasks.move(a, { parent_id: b })
    await phone.settle()
    const parentOf = (id: number) => laptop.sync.tasks.get(id)?.parent_id
    let removed: Promise<unknown> | undefined
    laptop.sync.subscribe(() => {
      if (parentOf(a) === b && parentOf(b) === a) removed ??= laptop.sync.tasks.remove(a)
    })
    laptop.go('on')
    await laptop.settle()
    assert.ok(removed)
    await removed
    assert.deepEqual(problemsOf(laptop), [['refused', 'move']])
    await laptop.discardProblems()
    await assertEqual(laptop)
  })

  it('merges changes of different fields, and keeps the local value of the same field', async () => {
    const user = newUser()
    const [laptop, phone] = [await deviceOf(user), await deviceOf(user)]
    const { id } = await laptop.client.tasks.create({ title: 'Paint', metadata: { color: 'red' } })
    const list = await laptop.client.lists.create({ name: 'Home' })
    await laptop.settle()
    await phone.settle()
    laptop.go('off')
    phone.go('off')
    await laptop.sync.tasks.update(id, {
      title: 'Paint the fence',
      priority: 'low',
      metadata: { color: 'blue' },
    })
    await phone.sync.tasks.update(id, { description: 'Two coats', metadata: { size: 'L' } })
    await phone.sync.tasks.update(id, { priority: 'high' })
    await phone.sync.tasks.update(id, { priority: 'medium', tags: ['paint'] })
    await laptop.sync.lists.update(list.id, { name: 'House' })
    await phone.sync.lists.update(list.id, { color: '#ff0000' })
    for (const device of [laptop, phone, laptop]) {
      device.go('on')
      await device.settle()
    }
    await assertEqual(laptop, phone)
    const { title, description, priority, metadata, tags } = await laptop.client.tasks.get(id)
    assert.deepEqual(
      { title, description, priority, metadata, tags },
      {
        title: 'Paint the fence',
        description: 'Two coats',
        priority: 'low',
        metadata: { color: 'blue', size: 'L' },
        tags: ['paint'],
      },
    )
    const { name, color } = await laptop.client.lists.get(list.id)
    assert.deepEqual([name, color], ['House', '#ff0000'])
    assert.deepEqual(problemsOf(laptop), [])
    assert.deepEqual(
      phone.sync.problems.map(({ operations: [one], problem }) => [
        one && 'changes' in one && one.changes,
        problem?.theirs,
      ]),
      [
        [{ priority: 'high' }, { priority: 'low' }],
        [{ priority: 'medium' }, { priority: 'low' }],
      ],
    )
    // They remain until the user has decided.
    await phone.restart()
    const [first, second] = phone.sync.problems
    assert.equal(phone.sync.discard(first?.key ?? ''), true)
    phone.sync.retry(second?.key ?? '')
    await phone.settle()
    assert.equal((await laptop.client.tasks.get(id)).priority, 'medium')
    assert.deepEqual(phone.sync.problems, [])
  })

  it('lets the application decide a conflict', async () => {
    const user = newUser()
    const asked: unknown[] = []
    const laptop = await deviceOf(user, {
      onConflict: conflict => {
        asked.push(conflict)
        return { title: `${conflict.mine.title} / ${conflict.theirs.title}` }
      },
    })
    const { id } = await laptop.client.tasks.create({ title: 'Paint' })
    await laptop.settle()
    laptop.go('off')
    await laptop.sync.tasks.update(id, { title: 'Paint A', priority: 'high' })
    await deviceOf(user).then(async phone => {
      await phone.client.tasks.update(id, { title: 'Paint B' })
    })
    laptop.go('on')
    await laptop.settle()
    assert.deepEqual(asked, [
      {
        type: 'task',
        id,
        base: { title: 'Paint' },
        mine: { title: 'Paint A' },
        theirs: { title: 'Paint B' },
      },
    ])
    const [task] = await assertEqual(laptop)
    assert.deepEqual([task?.title, task?.priority], ['Paint A / Paint B', 'high'])
    assert.deepEqual(laptop.sync.problems, [])
  })

  it('duplicates nothing if it is closed between sending and recording', async () => {
    const user = newUser()
    const device = await deviceOf(user)
    device.go('off')
    const list = await device.sync.lists.create({ name: 'Trip' })
    const pack = await device.sync.tasks.create({ title: 'Pack', list_id: list.id })
    await device.sync.tasks.update(pack.id, { title: 'Pack the bag' })
    await device.sync.tasks.create({ title: 'Passport', parent_id: pack.id })
    await device.sync.tasks.remove((await device.sync.tasks.create({ title: 'Socks' })).id)
    device.go('lossy')
    for (let n = 0; n < 12; n += 1) {
      await device.sync.flush().catch(() => undefined)
      await device.restart()
    }
    device.go('on')
    await device.settle()
    const tasks = await assertEqual(device)
    assert.deepEqual(tasks.map(({ title }) => title).sort(), ['Pack the bag', 'Passport'])
    assert.deepEqual(device.sync.problems, [])
    assert.equal((await device.client.trash.list()).items.length, 1)
  })

  it('does not restore what others delete while a response is lost', async () => {
    const user = newUser()
    const device = await deviceOf(user)
    await device.settle()
    device.go('lossy')
    const { id: made } = await device.sync.tasks.create({ title: 'Made' })
    await device.sync.flush().catch(() => undefined)
    device.go('off')
    const other = await deviceOf(user)
    await other.settle()
    const real = other.sync.tasks.all()[0]?.id ?? 0
    await other.client.tasks.remove(real)
    // It reads the deletion, then sends the creation again.
    device.go('on')
    await device.settle()
    await assertEqual(device, other)
    assert.equal(device.sync.tasks.get(made), undefined)
  })

  it('reports rejected writes as problems, and continues with the others', async () => {
    const user = newUser()
    const device = await deviceOf(user)
    const kept = await device.client.tasks.create({ title: 'Kept' })
    const gone = await device.client.tasks.create({ title: 'Gone' })
    await device.settle()
    device.go('off')
    const long = await device.sync.tasks.create({ title: 'x'.repeat(501) })
    const child = await device.sync.tasks.create({ title: 'Child', parent_id: long.id })
    await device.sync.tasks.update(child.id, { priority: 'high' })
    await device.sync.tasks.update(kept.id, { deadline: 'never' })
    await device.sync.tasks.update(kept.id, { priority: 'high' })
    await device.sync.tasks.update(gone.id, { title: 'Still here' })
    await device.sync.undo('unknown')
    await device.sync.tasks.create({ title: 'Last' })
    const other = await deviceOf(user)
    await other.client.tasks.remove(gone.id)
    device.go('on')
    await device.settle()
    assert.deepEqual(problemsOf(device), [
      ['refused', 'create'],
      ['refused', 'update'],
      ['gone', 'update'],
      ['gone', 'undo'],
    ])
    assert.match(device.sync.problems[0]?.problem?.message ?? '', /500 characters/)
    assert.deepEqual(
      (await onServer(device)).map(({ title, priority }) => [title, priority]),
      [
        ['Kept', 'high'],
        ['Last', null],
      ],
    )
    // Writes that need the rejected task wait for it.
    assert.equal(device.sync.waiting.length, 2)
    await device.restart()
    await device.settle()
    assert.equal(device.sync.waiting.length, 2)
    device.sync.discard(device.sync.problems[0]?.key ?? '')
    await device.settle()
    assert.deepEqual(problemsOf(device)[0], ['gone', 'create'])
    await device.discardProblems()
    await assertEqual(device)
  })

  it('starts over if its position is invalid, and keeps unsent writes', async () => {
    const user = newUser()
    const device = await deviceOf(user)
    const kept = await device.client.tasks.create({ title: 'Kept' })
    const reused = await device.client.tasks.create({ title: 'Before the backup' })
    await device.settle()
    device.go('off')
    await device.sync.tasks.update(kept.id, { title: 'Renamed' })
    await device.sync.tasks.remove(reused.id)
    await device.sync.tasks.create({ title: 'Offline' })
    await replaceData(user, reused.id)
    device.go('on')
    await device.settle()
    assert.deepEqual(problemsOf(device), [['gone', 'delete']])
    const tasks = await assertEqual(device)
    assert.deepEqual(
      tasks.map(({ title }) => title),
      ['Renamed', 'Before the backup', 'Offline'],
    )
    await device.restart()
    await device.settle()
    await assertEqual(device)
  })

  it('never sends the writes of one user as another user', async () => {
    const [ann, bob] = [newUser(), newUser()]
    const first = await deviceOf(ann)
    await first.settle()
    first.go('off')
    await first.sync.tasks.create({ title: 'A private matter' })
    first.sync.close()
    const second = await deviceOf(bob, {}, first.store)
    await assert.rejects(second.sync.flush(), { status: 422 })
    assert.deepEqual(await onServer(second), [])
    assert.equal(second.sync.waiting.length, 1)
  })

  it('works without storage, and stores everything once storage works', async () => {
    const store = memoryStore()
    let isFull = true
    const save = (entries: readonly Entry[]) =>
      isFull
        ? Promise.reject(new DOMException('The disk is full.', 'QuotaExceededError'))
        : store.save(entries)
    const device = await deviceOf(newUser(), {}, { ...store, save })
    await device.sync.tasks.create({ title: 'Sent all the same' })
    await device.settle()
    assert.equal((await onServer(device)).length, 1)
    assert.equal((device.sync.status.storeError as Error).name, 'QuotaExceededError')
    assert.deepEqual([...(await store.load())], [])
    isFull = false
    await device.sync.tasks.create({ title: 'Stored' })
    await device.settle()
    assert.equal(device.sync.status.storeError, undefined)
    await device.restart()
    assert.equal(device.sync.tasks.all().length, 2)
    await device.settle()
    await assertEqual(device)
  })

  it('requests its first page while the store is opened, and leaves a copy in the store as it is', async () => {
    const user = newUser()
    const device = await deviceOf(user)
    for (let n = 0; n < 3; n += 1) await device.client.tasks.create({ title: `Task ${n}` })
    await device.settle()
    device.go('off')
    await device.sync.tasks.create({ title: 'Offline' })
    device.sync.close()
    const [first, second] = await onServer(device.go('on'))
    await device.client.tasks.remove(first?.id ?? 0)
    await device.client.tasks.update(second?.id ?? 0, { title: 'Renamed' })
    for (const store of [memoryStore(), device.store]) {
      const events = new EventEmitter()
      const requested = once(events, 'request')
      const transport = new Transport({
        url: api.server.url,
        token: tokenOf(user),
        fetch: (...request) => {
          events.emit('request')
          return fetch(...request)
        },
      })
      const slow = { ...store, load: () => requested.then(() => store.load()) }
      const { copy, flush, close } = await openSync(slow, context => networkOf(context, transport), {
        isNew: true,
      })
      await flush()
      assert.deepEqual([...copy.tasks.values()].sort(byId), await onServer(device))
      close()
    }
    assert.deepEqual(
      (await onServer(device)).map(({ title }) => title),
      ['Renamed', 'Task 2', 'Offline'],
    )
  })

  it('is sent by one tab at a time, and shown by all tabs', async () => {
    const user = newUser()
    const tab = tabsOf(memoryStore())
    const [first, second] = [await deviceOf(user, {}, tab()), await deviceOf(user, {}, tab())]
    await first.settle()
    const { id } = await second.sync.tasks.create({ title: 'By the second tab' })
    assert.equal(first.sync.tasks.get(id)?.title, 'By the second tab')
    await second.settle()
    await assertEqual(first, second)
    assert.ok((first.sync.tasks.get(id)?.id ?? 0) > 0)
    assert.deepEqual([first.sent.includes('POST /tasks'), second.sent], [true, []])
    // The next tab takes over, and sends what the first had not sent.
    first.go('off')
    await first.sync.tasks.update(id, { title: 'By the first tab' })
    first.sync.close()
    await second.settle()
    assert.deepEqual(
      (await assertEqual(second)).map(({ title }) => title),
      ['By the first tab'],
    )
    const third = await deviceOf(user, {}, tab())
    let isCleared = false
    third.sync.subscribe(event => {
      isCleared ||= event.isCleared ?? false
    })
    await second.sync.clear()
    assert.deepEqual([isCleared, third.sync.tasks.all(), third.sync.waiting], [true, [], []])
    await assert.rejects(third.sync.flush(), /closed/)
  })
})

/** As after a restore of a backup: another epoch, and another task under the same id. */
async function replaceData(user: string, id: number): Promise<void> {
  const { db } = api.server
  await db.query(unprepared('update duly.owners set epoch = epoch + 1 where id = $1'), [user])
  const older =
    "update duly.tasks set created_at = created_at - interval '1 day' where user_id = $1 and id = $2"
  await db.query(unprepared(older), [user, id])
}

/**
 * Stores of several tabs that share one store, as with IndexedDB, BroadcastChannel and Web Locks.
 */
function tabsOf(store: SyncStore): () => SyncStore {
  const listeners = new Map<object, (message: object) => void>()
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const me = {}
    const shared: SharedStore = {
      exclusively: (work, signal) => {
        const run = last.then(() => (signal.aborted ? undefined : work()))
        last = run.catch(() => undefined)
        return run
      },
      send: message => {
        for (const [other, listener] of listeners) if (other !== me) listener(structuredClone(message))
      },
      receive: listener => void listeners.set(me, listener),
    }
    return { ...store, shared }
  }
}

/**
 * A linear congruential generator (Numerical Recipes).
 * @returns a function for integers below a limit
 */
function randomFrom(start: number): (below: number) => number {
  let state = start >>> 0
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** A random write of a device. */
async function act({ sync }: Device, random: (below: number) => number, name: string): Promise<void> {
  const anyOf = <T>(items: readonly T[]): T | undefined => items[random(items.length)]
  const [task, other, list] = [anyOf(sync.tasks.all()), anyOf(sync.tasks.all()), anyOf(sync.lists.all())]
  const list_id = random(2) === 0 ? (list?.id ?? null) : null
  switch (random(10)) {
    case 0:
    case 1:
    case 2: {
      const parent = random(3) === 0 && task ? { parent_id: task.id } : { list_id }
      await sync.tasks.create({ title: name, metadata: { made: name }, ...parent })
      break
    }
    case 3:
      if (task) await sync.tasks.update(task.id, { title: ` ${name} `, description: name })
      break
    case 4:
      if (task) await sync.tasks.update(task.id, { is_completed: !task.is_completed })
      break
    case 5:
      if (task)
        await sync.tasks.update(task.id, {
          priority: anyOf(['low', 'high', null] as const) ?? null,
          metadata: { [`m${random(3)}`]: name },
        })
      break
    case 6:
      if (task)
        await sync.tasks.move(task.id, random(2) === 0 ? { list_id } : { parent_id: other?.id ?? null })
      break
    case 7:
      if (task && random(3) === 0) await sync.tasks.remove(task.id)
      break
    case 8:
      if (list && random(2) === 0) await sync.lists.update(list.id, { name })
      else if (sync.lists.all().length < 6) await sync.lists.create({ name })
      break
    default:
      if (list && random(6) === 0)
        await sync.lists.remove(list.id, random(2) === 0 ? {} : { moveTasksTo: 'inbox' })
      else if (task && other)
        await sync.write([
          { op: 'update', id: task.id, changes: { tags: [name] } },
          { op: 'move', id: other.id, after: null },
        ]).stored
  }
}
