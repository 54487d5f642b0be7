import { AppError } from '../errors.ts'
import type { Reader } from './database.ts'

interface Waiter {
  readonly isGone: Reader['isGone']
  readonly begin: () => void
  readonly refuse: (error: AppError) => void
}

interface Owner {
  running: number
  waiting: Waiter[]
}

/** Bounds what runs and what waits for each owner. */
export class PerOwner {
  readonly #owners = new Map<string, Owner>()
  readonly #atOnce: number
  readonly #maxWaiting: number

  constructor(atOnce: number, maxWaiting: number) {
    this.#atOnce = atOnce
    this.#maxWaiting = maxWaiting
  }

  async run<T>(owner: string, work: () => Promise<T>, reader: Reader, isPatient = false): Promise<T> {
    let own = this.#owners.get(owner)
    if (!own) {
      own = { running: 0, waiting: [] }
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

  #wait(own: Owner, { isGone }: Reader, isPatient: boolean): Promise<void> {
    if (own.waiting.length >= this.#maxWaiting) dropGone(own)
    if (own.waiting.length >= this.#maxWaiting && !isPatient) throw tooMany
    return new Promise((begin, refuse) => {
      own.waiting.push({ isGone, begin, refuse })
    })
  }

  #leave(owner: string, own: Owner): void {
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
