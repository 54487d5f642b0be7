import { endSession, firstTasks, openCopy } from '../model/copy.ts'
import { today } from '../model/dates.ts'
import { rememberedUser, rememberUser, sessionUser, token } from '../model/session.ts'
import { update } from '../model/store.ts'
import type { User } from '../model/types.ts'
import { afterPaint } from '../parts/after-paint.ts'
import { loadFirstPassword } from './first-password.ts'
import { loadLater } from './load-later.ts'

/**
 * Finds the user: that of the last visit, whose tasks are on this device, or that of the session.
 */
export async function begin(): Promise<void> {
  // Requested first: on the first visit, the tasks wait for the session.
  const asked = rememberedUser() ?? sessionUser().catch(() => undefined)
  // What follows would delay the first frame on a slow processor.
  await new Promise<void>(afterPaint)
  loadFirstPassword()
  // The first request for tasks needs this code.
  void loadLater().catch(() => undefined)
  // Creating the first date formatter takes 20 ms: do it while the response is awaited.
  window.requestIdleCallback?.(today)
  const user = await asked
  if (!user) return update({ session: 'out' })
  await start(user)
  // Rendering the app takes time that reading tasks needs. Until then, the page shows its frame.
  await firstTasks()
}

/** Shows the user's tasks, and receives changes from the server. */
export async function start(user: User): Promise<void> {
  const isFresh = !rememberedUser()
  rememberUser(user)
  // While the local copy is opened.
  void token().catch(() => undefined)
  await openCopy(user.id, async context => (await loadLater()).connect(context), isFresh)
  update({ user, session: 'in' })
  if (!isFresh) void refresh(user)
}

/** Reads the name, email address and other data of the user again. */
export async function refresh(user: User): Promise<void> {
  const current = await sessionUser().catch(() => user)
  if (!current || current.id !== user.id) return endSession()
  rememberUser(current)
  update({ user: current })
}
