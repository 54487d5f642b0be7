import type { Guard } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Follower } from './hub.ts'

interface Waiting {
  readonly expiresAt: number
  readonly guard: Guard
  readonly isGone: () => boolean
}

/** A request that waits for a change. */
export class Waiter implements Follower {
  readonly #waiting: Waiting
  readonly #timer: NodeJS.Timeout
  #isWoken = false
  #hasEnded = false
  #error: unknown
  #settle: () => void = () => {}

  /** @param seconds at most */
  constructor(waiting: Waiting, seconds: number) {
    this.#waiting = waiting
    this.#timer = setTimeout(() => this.end(), seconds * 1000)
  }

  wake(): void {
    this.#isWoken = true
    this.#settle()
  }

  tick(): void {
    const { guard, isGone, expiresAt } = this.#waiting
    try {
      if (isGone()) this.end()
      else if (expiresAt <= Date.now()) throw new AppError('token_invalid', 'The token has expired.')
      else guard.check()?.catch(error => this.#fail(error))
    } catch (error) {
      this.#fail(error)
    }
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#hasEnded = true
    this.#settle()
  }

  /**
   * Waits until it is woken.
   * @returns false at the end of its time
   * @throws AppError `token_invalid` if the token has expired or was revoked
   */
  async woken(): Promise<boolean> {
    if (!this.#isWoken && !this.#hasEnded)
      await new Promise<void>(resolve => {
        this.#settle = resolve
      })
    if (this.#error !== undefined) throw this.#error
    const isWoken = this.#isWoken
    this.#isWoken = false
    return isWoken && !this.#hasEnded
  }

  /** An unavailable database does not end the wait; the next read reports it. */
  #fail(error: unknown): void {
    if (error instanceof AppError && error.code !== 'token_invalid') return
    this.#error = error
    this.end()
  }
}
