import type { Log } from '../log.ts'

/** Logs and counts background work, by name. */
export class Background {
  readonly #log: Log
  // Present from the start, because a metric's labels are those of its first reading.
  readonly #counts = new Map([['look for revocations', { done: 0, failed: 0 }]])

  constructor(log: Log) {
    this.#log = log
  }

  get outcomes(): readonly { readonly name: string; readonly done: number; readonly failed: number }[] {
    return [...this.#counts].map(([name, counts]) => ({ name, ...counts }))
  }

  /** Runs `work`. Never rejects. */
  async run(name: string, work: () => Promise<unknown>): Promise<void> {
    try {
      const result = await work()
      this.#countsOf(name).done += 1
      this.#log.debug({ work: name, result }, 'background work finished')
    } catch (error) {
      this.failed(name, error)
    }
  }

  failed(name: string, error: unknown): void {
    this.#countsOf(name).failed += 1
    this.#log.error({ work: name, err: error }, 'background work failed')
  }

  #countsOf(name: string): { done: number; failed: number } {
    const known = this.#counts.get(name) ?? { done: 0, failed: 0 }
    this.#counts.set(name, known)
    return known
  }
}
