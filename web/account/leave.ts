import { leaveCopy } from '../model/copy.ts'
import { auth, base, forgetToken, rememberUser } from '../model/session.ts'

/** Ends the session. */
export const signOut = (): Promise<void> => leave(() => auth('/sign-out', {}))

/** Deletes the account. Without a password, the server asks for a recent sign-in. */
export const deleteAccount = (password: string): Promise<void> =>
  leave(() => auth('/delete-user', password === '' ? {} : { password }))

/** Removes all data of the user from this device. */
async function leave(end: () => Promise<unknown>): Promise<void> {
  await leaveCopy(end)
  rememberUser(undefined)
  forgetToken()
  for (const name of (await globalThis.caches?.keys()) ?? []) await caches.delete(name)
  for (const one of (await navigator.serviceWorker?.getRegistrations()) ?? []) await one.unregister()
  for (const name of Object.keys(localStorage)) localStorage.removeItem(name)
  location.replace(base)
}
