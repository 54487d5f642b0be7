import { deleteDatabase } from '../model/database.ts'
import { auth, base, forgetToken, rememberUser } from '../model/session.ts'
import { state, update } from '../model/store.ts'
import { startSync, stopSync } from '../model/sync.ts'

/** Ends the session. */
export const signOut = (): Promise<void> => leave(() => auth('/sign-out', {}))

/** Deletes the account. Without a password, the server asks for a recent sign-in. */
export const deleteAccount = (password: string): Promise<void> =>
  leave(() => auth('/delete-user', password === '' ? {} : { password }))

/** Leaves nothing of the user on this device. */
async function leave(end: () => Promise<unknown>): Promise<void> {
  const id = state.user?.id
  // First, since it would report that the session has ended.
  stopSync()
  try {
    await end()
  } catch (error) {
    void startSync()
    throw error
  }
  // Until the page is loaded again, nothing is shown.
  update({ session: 'starting', user: undefined, writes: [], tasks: new Map(), lists: new Map() })
  rememberUser(undefined)
  forgetToken()
  for (const name of (await globalThis.caches?.keys()) ?? []) await caches.delete(name)
  for (const one of (await navigator.serviceWorker?.getRegistrations()) ?? []) await one.unregister()
  if (id !== undefined) await deleteDatabase(id)
  for (const name of Object.keys(localStorage)) localStorage.removeItem(name)
  location.replace(base)
}
