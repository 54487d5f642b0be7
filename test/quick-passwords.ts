import crypto, { type BinaryLike, type ScryptOptions } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

// Hashing a password takes 60 ms of CPU time, and the tests sign in thousands of times. Tests hash
// at a thousandth of the cost, except `server/accounts/passwords.test.ts`.

type Done = (error: Error | null, key: Buffer) => void

const { scrypt } = crypto
const costOfPasswords = 16_384
let delayMs = 0

function cheap(text: BinaryLike, salt: BinaryLike, length: number, options: ScryptOptions, done: Done): void {
  const cost = options.N === costOfPasswords ? { ...options, N: 16 } : options
  const hash = () => scrypt(text, salt, length, cost, done)
  if (delayMs === 0) hash()
  else setTimeout(hash, delayMs)
}

Object.assign(crypto, { scrypt: cheap })
syncBuiltinESMExports()

/** Runs `work` while each hash takes this long, for tests of the requests that wait for it. */
export async function whileHashingTakes<T>(ms: number, work: () => Promise<T>): Promise<T> {
  delayMs = ms
  try {
    return await work()
  } finally {
    delayMs = 0
  }
}
