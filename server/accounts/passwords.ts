import { hashPassword, verifyPassword } from 'better-auth/crypto'

/**
 * Hashes passwords as Better Auth does (scrypt, N = 16384, r = 16), `atOnce` at the same time.
 * `FairTurns` decides the order and how many may wait.
 */
export function passwordHasher(atOnce: number) {
  const turn = turnstile(atOnce)
  return {
    hash: (password: string) => turn(() => hashPassword(password)),
    verify: ({ hash, password }: { hash: string; password: string }) =>
      turn(() => verifyPassword({ hash, password })),
  }
}

/** Runs `atOnce` at the same time, and the others in order of arrival. */
function turnstile(atOnce: number) {
  const waiting: (() => void)[] = []
  let running = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < atOnce) running += 1
    else await new Promise<void>(resolve => waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The next one takes over this place.
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }
}
