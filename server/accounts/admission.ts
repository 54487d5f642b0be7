import { AppError } from '../errors.ts'

/** Bounds how many requests are in some costly work, or wait for it. */
export function admission(most: number) {
  let inside = 0
  /** @throws AppError `busy`, at once, where there are too many already */
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (inside >= most) {
      throw new AppError('busy', 'Too many people are signing in at once. Try again in a moment.', {
        retryAfter: 1,
      })
    }
    inside += 1
    try {
      return await work()
    } finally {
      inside -= 1
    }
  }
}
