import assert from 'node:assert/strict'

interface Known {
  title: string
  isCompleted: boolean
  revision: number
  parent: number | null
}

export interface Wire {
  readonly id: number
  readonly title: string
  readonly is_completed: boolean
  readonly parent_id: number | null
  readonly revision: number
}

/** A task in a response, to which walking back the log must lead. */
export interface Seen {
  readonly id: number
  readonly title: string
  readonly isCompleted: boolean
}

/** What the database stores for an owner. */
export interface Stored {
  readonly tasks: readonly Wire[]
  readonly revision: number
  readonly taskCount: number
}

/** The responses that the clients of one owner received, and thus what must be stored. */
export class Owner {
  readonly id: string
  /** Titles of rejected writes, which must never appear. */
  readonly refused = new Set<string>()
  /** Titles of creates without a key and with an unknown outcome, which may appear once. */
  readonly unknown = new Set<string>()
  server: number
  /** The tasks that a write has returned, by the revision of the write. */
  readonly seen = new Map<number, readonly Seen[]>()
  readonly #tasks = new Map<number, Known>()
  readonly #trash = new Map<number, Known>()
  readonly #titles = new Map<number, string[]>()
  readonly #revisions = new Set<number>()
  #writes = 0
  #doubtfulFlips = 0
  #flipped: number | undefined

  constructor(id: string, server: number) {
    this.id = id
    this.server = server
  }

  task(id: number): Known {
    const known = this.#tasks.get(id)
    assert.ok(known)
    return known
  }

  created(title: string, task: Wire): number {
    assert.equal(task.title, title)
    assert.ok(!this.#tasks.has(task.id), 'two creates return different tasks')
    this.#book(task)
    this.#write(task.revision, [task])
    return task.id
  }

  /** Records two new tasks, the second a subtask of the first, and a new title of another task. */
  batch([first, second, changed]: readonly Wire[]): readonly number[] {
    assert.ok(first && second && changed)
    assert.equal(second.parent_id, first.id)
    const { revision } = first
    assert.deepEqual([second.revision, changed.revision], [revision, revision], 'a batch has one revision')
    for (const task of [first, second, changed]) this.#book(task)
    this.#write(revision, [first, second, changed])
    return [first.id, second.id]
  }

  moved(id: number, task: Wire): void {
    const known = this.task(id)
    assert.equal(task.parent_id, null)
    if (task.revision === known.revision) return
    this.#book(task)
    this.#write(task.revision, [task])
  }

  undone(task: Wire): void {
    const titles = this.#titles.get(task.id) ?? []
    assert.equal(task.title, titles.at(-2), 'an undo restores the previous title')
    this.#book(task)
    this.#write(task.revision, [task])
  }

  #book({ id, title, is_completed: isCompleted, revision, parent_id: parent }: Wire): void {
    this.#tasks.set(id, { title, isCompleted, revision, parent })
    this.#titles.set(id, [...(this.#titles.get(id) ?? []), title].slice(-2))
  }

  changed(id: number, { title, is_completed }: { title?: string; is_completed?: boolean }, task: Wire): void {
    const known = this.task(id)
    known.title = title ?? known.title
    known.isCompleted = is_completed ?? known.isCompleted
    assert.deepEqual([task.id, task.title, task.is_completed], [id, known.title, known.isCompleted])
    assert.ok(task.revision > known.revision, 'a write raises the revision of its task')
    if (title !== undefined) this.#titles.set(id, [...(this.#titles.get(id) ?? []), title].slice(-2))
    known.revision = task.revision
    this.#write(task.revision, [task])
  }

  /** @returns the task and its subtasks, which are deleted with it */
  removed(id: number): readonly number[] {
    const gone = [...this.#tasks].filter(([other, { parent }]) => other === id || parent === id)
    for (const [other, known] of gone) {
      this.#trash.set(other, known)
      this.#tasks.delete(other)
    }
    this.#writes += 1
    return [id, ...gone.map(([other]) => other).filter(other => other !== id)]
  }

  restored(ids: readonly number[], task: Wire): void {
    assert.equal(task.id, ids[0])
    for (const id of ids) {
      const known = this.#trash.get(id)
      assert.ok(known)
      this.#tasks.set(id, { ...known, revision: task.revision })
    }
    assert.equal(task.title, this.task(task.id).title)
    this.#write(task.revision, [task])
  }

  /**
   * Without a key, only the number of writes shows whether a toggle with unknown outcome was done.
   */
  flipped(id: number, certain: boolean): void {
    this.#flipped = id
    const known = this.task(id)
    if (certain) known.isCompleted = !known.isCompleted
    if (certain) this.#writes += 1
    else this.#doubtfulFlips += 1
  }

  #write(revision: number, tasks: readonly Wire[]): void {
    this.seen.set(
      revision,
      tasks.map(({ id, title, is_completed: isCompleted }) => ({ id, title, isCompleted })),
    )
    assert.ok(!this.#revisions.has(revision), `revision ${revision} of ${this.id} belongs to two writes`)
    this.#revisions.add(revision)
    this.#writes += 1
  }

  /** Acknowledged writes must be stored once, rejected ones never, unknown ones at most once. */
  audit({ tasks, revision, taskCount }: Stored): void {
    const titles = tasks.map(task => task.title)
    assert.equal(new Set(titles).size, titles.length, `${this.id}: nothing is stored twice`)
    const came = tasks.filter(task => this.unknown.has(task.title) && !this.#tasks.has(task.id))
    const arrived = new Set(came.map(task => task.id))
    const known = tasks.filter(task => !arrived.has(task.id))
    const refused = titles.filter(title => this.refused.has(title))
    assert.deepEqual(refused, [], `${this.id}: rejected writes are not stored`)
    const lost = [...this.#tasks].filter(([id]) => !known.some(task => task.id === id))
    assert.deepEqual(lost, [], `${this.id}: acknowledged writes are stored`)
    const flips = revision - this.#writes - came.length
    assert.ok(
      flips >= 0 && flips <= this.#doubtfulFlips,
      `${this.id}: revision ${revision} is the number of writes: ${this.#writes} acknowledged, ${came.length} unknown creates, at most ${this.#doubtfulFlips} unknown toggles`,
    )
    for (const task of known) {
      const expected = this.#tasks.get(task.id)
      assert.ok(expected, `${this.id}: "${task.title}" was never acknowledged`)
      const isCompleted =
        task.id === this.#flipped && flips % 2 === 1 ? !expected.isCompleted : expected.isCompleted
      assert.deepEqual([task.title, task.is_completed], [expected.title, isCompleted])
      if (task.id !== this.#flipped) assert.equal(task.revision, expected.revision)
    }
    assert.equal(taskCount, tasks.length)
  }
}
