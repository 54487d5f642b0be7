import { AppError } from '../errors.ts'
import type { Reader } from './database.ts'

interface Waiter {
  readonly isGone: Reader['isGone']
  readonly begin: () => void
  readonly refuse: (error: AppError) => void
}

interface Owner {
  running: number
  /** How long the next one waits, in milliseconds. */
  restMs: number
  waiting: Waiter[]
}

/** Bounds what runs and what waits for each owner. */
export class PerOwner {
  readonly #owners = new Map<string, Owner>()
  readonly #atOnce: number
  readonly #maxWaiting: number
  readonly #maxWaitMs: number

  /** @param maxWaitMs how long one waits before it is rejected */
  constructor(atOnce: number, maxWaiting: number, maxWaitMs = Number.POSITIVE_INFINITY) {
    this.#atOnce = atOnce
    this.#maxWaiting = maxWaiting
    this.#maxWaitMs = maxWaitMs
  }

  async run<T>(owner: string, work: () => Promise<T>, reader: Reader, isPatient = false): Promise<T> {
    let own = this.#owners.get(owner)
    if (!own) {
      own = { running: 0, restMs: 0, waiting: [] }
      this.#owners.set(owner, own)
    }
    if (own.running < this.#atOnce) own.running += 1
    else await this.#wait(own, reader, isPatient)
    try {
      return await work()
    } finally {
      this.#leave(owner, own)
    }
  }

  /** To be called by work that runs: the owner's next one begins this long after its end. */
  rest(owner: string, ms: number): void {
    const own = this.#owners.get(owner)
    if (own) own.restMs = ms
  }

  #wait(own: Owner, { isGone }: Reader, isPatient: boolean): Promise<void> {
    if (own.waiting.length >= this.#maxWaiting) dropGone(own)
    if (own.waiting.length >= this.#maxWaiting && !isPatient) throw tooMany
    return new Promise((begin, refuse) => {
      const waiter = { isGone, begin, refuse }
      own.waiting.push(waiter)
      if (this.#maxWaitMs === Number.POSITIVE_INFINITY) return
      const timer = setTimeout(() => {
        own.waiting = own.waiting.filter(one => one !== waiter)
        refuse(tooMany)
      }, this.#maxWaitMs)
      waiter.begin = () => {
        clearTimeout(timer)
        begin()
      }
    })
  }

  #leave(owner: string, own: Owner): void {
    if (own.restMs > 0) {
      setTimeout(() => this.#leave(owner, own), own.restMs).unref()
      own.restMs = 0
      return
    }
    dropGone(own)
    const next = own.waiting.shift()
    if (next) next.begin()
    else own.running -= 1
    if (own.running === 0) this.#owners.delete(owner)
  }
}

function dropGone(own: Owner): void {
  if (own.waiting.length === 0) return
  const gone = own.waiting.filter(({ isGone }) => isGone())
  if (gone.length === 0) return
  own.waiting = own.waiting.filter(waiter => !gone.includes(waiter))
  for (const { refuse } of gone) refuse(closed())
}

const tooMany = new AppError(
  'too_many_requests',
  'Too many requests of this kind at once. Try again in 1 s.',
  { retryAfter: 1 },
)

export function closed(): AppError {
  return new AppError('too_many_requests', 'The client closed its connection.', { retryAfter: 1 })
}
