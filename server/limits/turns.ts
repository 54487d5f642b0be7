/** Runs at most `most` pieces of work at once. Those that wait are begun user by user, in rotation. */
export class Turns {
  readonly #most: number
  #running = 0
  /** By user; the first user is next. */
  readonly #waiting = new Map<string, (() => void)[]>()

  constructor(most: number) {
    this.#most = most
  }

  async run<T>(user: string, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#most) this.#running += 1
    else await this.#wait(user)
    try {
      return await work()
    } finally {
      this.#passOn()
    }
  }

  #wait(user: string): Promise<void> {
    return new Promise(begin => {
      const queue = this.#waiting.get(user)
      if (queue) queue.push(begin)
      else this.#waiting.set(user, [begin])
    })
  }

  #passOn(): void {
    for (const [user, queue] of this.#waiting) {
      const begin = queue.shift()
      this.#waiting.delete(user)
      if (queue.length > 0) this.#waiting.set(user, queue)
      begin?.()
      return
    }
    this.#running -= 1
  }
}
