import { endSession, firstTasks, openCopy } from '../model/copy.ts'
import { today } from '../model/dates.ts'
import { rememberedUser, rememberUser, sessionUser, token } from '../model/session.ts'
import { update } from '../model/store.ts'
import type { User } from '../model/types.ts'
import { afterPaint } from '../parts/after-paint.ts'
import { loadFirstPassword } from './first-password.ts'

/**
 * Finds the user: that of the last visit, whose tasks are on this device, or that of the session.
 */
export async function begin(): Promise<void> {
  loadFirstPassword()
  prepare()
  const user = rememberedUser() ?? (await sessionUser().catch(() => undefined))
  if (!user) return update({ session: 'out' })
  await start(user)
  // Rendering the app takes time that reading tasks needs. Until then, the page shows its frame.
  await firstTasks()
}

/** Prepares what the first screen needs soon after the first paint. */
function prepare(): void {
  // Creating the first date formatter takes 20 ms: do it after the frame is painted.
  afterPaint(today)
  void import('./later.ts').catch(() => undefined)
}

/** Shows the user's tasks, and receives changes from the server. */
export async function start(user: User): Promise<void> {
  const isFresh = !rememberedUser()
  rememberUser(user)
  // While the local copy is opened.
  void token().catch(() => undefined)
  await openCopy(user.id)
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
