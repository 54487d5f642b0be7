import { endSession, openCopy } from '../model/copy.ts'
import { rememberedUser, rememberUser, sessionUser, token } from '../model/session.ts'
import { update } from '../model/store.ts'
import type { User } from '../model/types.ts'
import { loadFirstPassword } from './first-password.ts'

/** Finds the user: the one of the last visit, whose tasks are on this device, or of the session. */
export async function begin(): Promise<void> {
  loadFirstPassword()
  const known = rememberedUser()
  if (known) return update({ user: known, session: 'in' })
  const user = await sessionUser().catch(() => undefined)
  update(user ? { user, session: 'in' } : { session: 'out' })
}

/** Shows the user's tasks, and follows the server. */
export async function start(user: User): Promise<void> {
  const isFresh = !rememberedUser()
  rememberUser(user)
  // What the first request needs is loaded while the copy is.
  const network = import('../model/network.ts').catch(() => undefined)
  void token().catch(() => undefined)
  await openCopy(user.id)
  update({ user, session: 'in' })
  void network.then(it => it?.registerWorker())
  if (isFresh) return
  const current = await sessionUser().catch(() => user)
  if (!current || current.id !== user.id) return endSession()
  rememberUser(current)
  update({ user: current })
}
