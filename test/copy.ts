import assert from 'node:assert/strict'
import type { Answer } from './served.ts'

// A client with a local copy, which applies only `/changes`.

type Call = (path: string) => Promise<Answer>

export class Copy {
  readonly items = new Map<string, unknown>()
  readonly #call: Call
  #next: string | undefined
  /** How often it had to start over. */
  resyncs = 0

  constructor(call: Call) {
    this.#call = call
  }

  get next(): string {
    return this.#next ?? ''
  }

  /** Applies pages until there is no more. @returns the number of changes of each page */
  async sync({ limit = 100, wait = 0 } = {}): Promise<number[]> {
    const pages: number[] = []
    for (;;) {
      const since = this.#next === undefined ? '' : `&since=${this.#next}`
      const { status, body, text } = await this.#call(`/api/v1/changes?limit=${limit}&wait=${wait}${since}`)
      if (status === 410) {
        this.items.clear()
        this.#next = undefined
        this.resyncs += 1
        continue
      }
      assert.equal(status, 200, text)
      assert.ok(body.changes.length <= limit)
      for (const change of body.changes) this.#apply(change)
      this.#next = body.next
      pages.push(body.changes.length)
      if (!body.has_more) return pages
    }
  }

  #apply({ type, id, deleted, ...body }: Record<string, unknown>): void {
    const key = id === undefined ? String(type) : `${type} ${id}`
    if (deleted) this.items.delete(key)
    else this.items.set(key, body[String(type)])
  }

  /** Its tasks, by id. */
  tasks(): unknown[] {
    const own = [...this.items].filter(([key]) => key.startsWith('task ')).map(([, task]) => task)
    return (own as { id: number }[]).sort((a, b) => a.id - b.id)
  }
}
