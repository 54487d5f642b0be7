import { browserLanguage } from '../texts/texts.ts'
import { call, DulyError, get } from './api.ts'
import { read, write } from './database.ts'
import { send } from './outbox.ts'
import { forgetConfirmed, showAll, takeChanges } from './replica.ts'
import { AuthError } from './session.ts'
import { state, update } from './store.ts'
import type { ChangePage, Settings } from './types.ts'

// Reads what changed on the server, first all of it, then each change as it happens: a request for
// changes waits until there is one.

let stop = new AbortController()

/** Follows the server until `stopSync`. */
export async function startSync(): Promise<void> {
  stop = new AbortController()
  const { signal } = stop
  let since = await read<string>('meta', 'since')
  let pauseMs = 1000
  let isCurrent = false
  while (!signal.aborted) {
    try {
      // First, so that the app does not change its language when the settings arrive.
      if (since === undefined) await adoptSettings()
      const page = await nextPage(since, isCurrent, signal)
      await takeChanges(page.changes)
      since = page.next
      isCurrent = !page.has_more
      if (isCurrent) await becomeCurrent(since)
      pauseMs = 1000
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof AuthError && error.status === 401) return update({ session: 'out' })
      isCurrent = false
      if (error instanceof DulyError && error.status === 410) {
        since = undefined
        await forgetConfirmed()
        continue
      }
      update({ isOnline: false })
      await untilRetry(pauseMs, signal)
      pauseMs = Math.min(pauseMs * 2, 30_000)
    }
  }
}

export const stopSync = (): void => stop.abort()

function nextPage(since: string | undefined, isCurrent: boolean, signal: AbortSignal): Promise<ChangePage> {
  const query = { limit: 1000, ...(since && { since }), ...(isCurrent && { wait: 50 }) }
  return get<ChangePage>('/changes', query, signal)
}

async function becomeCurrent(since: string): Promise<void> {
  await write('meta', [['since', since]])
  if (!state.isLoaded) showAll()
  update({ isLoaded: true, isOnline: true })
  void send()
}

/** At the first use, the user's time zone and language are those of the browser. */
async function adoptSettings(): Promise<void> {
  let settings = await get<Settings>('/settings')
  if (settings.time_zone === 'UTC' && settings.language === 'en') {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
    const json = { time_zone: timeZone, language: browserLanguage() }
    settings = (await call<Settings>({ method: 'PATCH', path: '/settings', json })).body
  }
  await takeChanges([{ type: 'settings', settings }])
}

/** Waits, but not longer than until the network is back. */
function untilRetry(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      removeEventListener('online', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    addEventListener('online', done)
    signal.addEventListener('abort', done)
  })
}

addEventListener('online', () => {
  update({ isOnline: true })
  void send()
})
addEventListener('offline', () => update({ isOnline: false }))
