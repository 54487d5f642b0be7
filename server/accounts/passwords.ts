import { hashPassword, verifyPassword } from 'better-auth/crypto'

/**
 * Hashes passwords as Better Auth does (scrypt, N = 16384, r = 16), `atOnce` at a time. Who comes next, and how many may wait, is
 * decided before: see `FairTurns`.
 */
export function passwordHasher(atOnce: number) {
  const turn = turnstile(atOnce)
  return {
    hash: (password: string) => turn(() => hashPassword(password)),
    verify: ({ hash, password }: { hash: string; password: string }) =>
      turn(() => verifyPassword({ hash, password })),
  }
}

/** Lets `atOnce` through at a time, the others in the order in which they came. */
function turnstile(atOnce: number) {
  const waiting: (() => void)[] = []
  let running = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < atOnce) running += 1
    else await new Promise<void>(resolve => waiting.push(resolve))
    try {
      return await work()
    } finally {
      // Whoever comes next takes over this one's place.
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }
}
