import { deleteDatabase } from '../model/database.ts'
import { auth, base, forgetToken, rememberUser } from '../model/session.ts'
import { state, update } from '../model/store.ts'
import { stopSync } from '../model/sync.ts'

/** Ends the session, and leaves nothing of it on this device. */
export async function signOut(isEnded = false): Promise<void> {
  stopSync()
  const id = state.user?.id
  if (!isEnded) await auth('/sign-out', {})
  update({ session: 'out', user: undefined, writes: [], tasks: new Map(), lists: new Map() })
  rememberUser(undefined)
  forgetToken()
  for (const name of (await globalThis.caches?.keys()) ?? []) await caches.delete(name)
  for (const one of (await navigator.serviceWorker?.getRegistrations()) ?? []) await one.unregister()
  if (id !== undefined) await deleteDatabase(id)
  for (const name of Object.keys(localStorage)) localStorage.removeItem(name)
  location.replace(base)
}
