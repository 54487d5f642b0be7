import { type Answer, type Call, callAt } from '../served.ts'

/** What a client knows when a call has ended. */
export type Attempt =
  | { readonly outcome: 'done'; readonly answer: Answer }
  /** The server reported that nothing was done, or no server accepted the call. */
  | { readonly outcome: 'refused' }
  /** The connection was lost, or the server reported that it does not know. */
  | { readonly outcome: 'unknown' }

/** Longer than any call may take. */
const hungMs = 60_000

/** @throws Error for a response that no fault explains */
export async function attempt(
  url: string | undefined,
  method: string,
  path: string,
  call: Call,
): Promise<Attempt> {
  if (url === undefined) return { outcome: 'refused' }
  let answer: Answer
  try {
    answer = await callAt(url, method, path, { ...call, signal: AbortSignal.timeout(hungMs) })
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError')
      throw new Error(`${method} ${path} was not answered within ${hungMs / 1000} s`, { cause: error })
    return { outcome: neverLeft(error) ? 'refused' : 'unknown' }
  }
  const { status, body } = answer
  if (status < 300) return { outcome: 'done', answer }
  if (status === 503 && body?.code === 'outcome_unknown') return { outcome: 'unknown' }
  // From the proxy, if its server is down.
  if (status === 502) return { outcome: 'unknown' }
  if (status === 503 || status === 429) return { outcome: 'refused' }
  throw new Error(`${method} ${path} returned ${status}: ${answer.text}`)
}

function neverLeft(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED'
}
