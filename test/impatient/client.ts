import assert from 'node:assert/strict'
import { type Declared, declared } from '../front-ends/declared.ts'
import { type Answer, newUser, type Served } from '../served.ts'

// A client of one contract, which compares every response in full and reads its effect back.

export type Task = Record<string, unknown> & { readonly id: number }
export type Values = Readonly<Record<string, unknown>>

export class ImpatientClient {
  readonly contract: Declared
  readonly user: string
  readonly collection: string
  readonly #api: Served

  constructor(api: Served, name: string, user = newUser()) {
    this.contract = declared(name)
    this.user = user
    this.collection = this.contract.collection.replace('{user_id}', encodeURIComponent(user))
    this.#api = api
  }

  send(method: string, path: string, json?: unknown): Promise<Answer> {
    return this.#api.call(method, path, { user: this.user, json })
  }

  /** @param token no token if it is undefined */
  sendAs(token: string | undefined, method: string, path: string, json?: unknown): Promise<Answer> {
    return this.#api.call(method, path, { ...(token === undefined ? {} : { token }), json })
  }

  at = (id: number, rest = '') => `${this.collection}/${id}${rest}`

  /** A new task as this contract returns it. */
  blank(values: Values): Values {
    const { task, flag, absentDescription } = this.contract
    const done = values[flag] ?? false
    return {
      description: absentDescription,
      [flag]: done,
      ...('completed' in task ? { completed: done } : {}),
      ...('user_id' in task ? { user_id: this.user } : {}),
      priority: null,
      due_date: null,
      tags: [],
      category: null,
      status: done ? 'completed' : 'pending',
      ...values,
    }
  }

  /** Creates a task from `sent`. The response must be a blank task with `shown`. */
  async create(sent: Values = { title: 'a' }, shown: Values = sent): Promise<Task> {
    const { status, body, text } = await this.send('POST', this.collection, sent)
    assert.equal(status, 201, text)
    const { id, created_at, updated_at, ...rest } = body
    assert.deepEqual(rest, this.blank(shown), JSON.stringify(sent))
    assert.equal(created_at, updated_at)
    await this.reads(body)
    return body
  }

  /**
   * Sends a change. The response must be `task` with `shown`, and changed only if `shown` differs.
   */
  async change(task: Task, method: string, rest: string, sent: unknown, shown: Values): Promise<Task> {
    const { status, body, text } = await this.send(method, this.at(task.id, rest), sent)
    const what = `${method} ${rest} ${JSON.stringify(sent)}`
    assert.equal(status, 200, `${what} ${text}`)
    const expected = { ...task, ...this.flagged(shown) }
    assert.deepEqual({ ...body, updated_at: '' }, { ...expected, updated_at: '' }, what)
    const isSame = Object.entries(expected).every(([key, value]) => same(value, task[key]))
    assert.equal(body.updated_at > String(task.updated_at), !isSame, `${what} ${text}`)
    await this.reads(body)
    return body
  }

  /** `shown` with the flag under each of its names, and the matching status. */
  flagged(shown: Values): Values {
    const { task, flag } = this.contract
    const { done, ...rest } = shown
    if (done === undefined) return rest
    return {
      [flag]: done,
      ...('completed' in task ? { completed: done } : {}),
      status: done ? 'completed' : 'pending',
      ...rest,
    }
  }

  async reads(task: Task): Promise<void> {
    assert.deepEqual((await this.send('GET', this.at(task.id))).body, task)
  }

  /** The methods that change the fields that are sent. */
  get methods(): readonly string[] {
    return this.contract.put === 'whole' ? ['PATCH'] : ['PUT', 'PATCH']
  }

  edit = (task: Task, sent: Values, shown: Values = sent) =>
    this.change(task, this.contract.put === 'whole' ? 'PATCH' : 'PUT', '', sent, shown)

  refused(answer: Answer, name: string, what = ''): void {
    const { statuses, error, codes } = this.contract
    assert.equal(answer.status, statuses[name], `${what} ${answer.text}`)
    const { errors: _errors, ...body } = answer.body
    assert.deepEqual(Object.keys(body).sort(), Object.keys(error).sort(), what)
    assert.equal(body.detail, body.error)
    assert.match(body.detail, /^[^{[].*\S/s, what)
    if (codes?.[name]) assert.equal(body.error_code, codes[name])
  }

  /** Sends an invalid body, which must be rejected. */
  async refuses(task: Task, method: string, rest: string, sent: unknown): Promise<void> {
    const answer = await this.send(method, this.at(task.id, rest), sent)
    this.refused(answer, 'broken', `${method} ${rest} ${JSON.stringify(sent)}`)
  }

  /** The whole list, with its counters checked. */
  async list(query = ''): Promise<Task[]> {
    const { status, body, text } = await this.send('GET', `${this.collection}${query}`)
    assert.equal(status, 200, `${query} ${text}`)
    if (this.contract.list === 'bare') return body
    assert.deepEqual(Object.keys(body).sort(), Object.keys(this.contract.list).sort())
    return body.tasks
  }
}

export type NewClient = (user?: string) => ImpatientClient

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
