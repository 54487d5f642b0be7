import type { Log } from './log.ts'

/** Known ways in which a client fails because of a setting. */
const texts = {
  accounts:
    'A client tried to sign in here, but accounts are off. If it should, set ACCOUNTS=on, and BETTER_AUTH_SECRET.',
  'user claim':
    'A client has another user id in its path than in its token. If your issuer has the id of the path in another claim, name the claim in JWT_USER_CLAIM.',
  'whole list':
    'A front end got the first 50 of more tasks. If it never requests another page, set CONTRACT_OPTIONS=whole-list.',
  'wrapped task':
    'A front end sent a task within "task". If it also reads tasks so, set CONTRACT_OPTIONS=wrapped-task; it must send the fields themselves.',
  origin:
    'A browser was not allowed to call from its page. If the page is yours, add its origin to CORS_ORIGINS.',
} as const

type Hint = keyof typeof texts

/** Names the setting that a failing client probably needs: one log line per cause and process. */
export class Hints {
  readonly #log: Log
  readonly #given = new Set<Hint>()

  constructor(log: Log) {
    this.#log = log
  }

  /** @param path for the log, if it is short and plain */
  give(hint: Hint, path?: string): void {
    if (this.#given.has(hint)) return
    this.#given.add(hint)
    this.#log.warn({ hint, path }, texts[hint])
  }
}

/** Whether front ends sign up, in or out at such a path, at whichever name. */
export function isSignInPath(path: string): boolean {
  return /^\/(?:api\/)?auth\/[\w/-]{1,64}$/.test(path)
}
