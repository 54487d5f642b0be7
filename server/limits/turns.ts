/** Runs at most `most` tasks at once. Waiting tasks start in round-robin order of their users. */
export class Turns {
  readonly #most: number
  #running = 0
  /** By user, in the order of their next turn. */
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
