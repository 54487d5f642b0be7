import { endSession, openCopy } from '../model/copy.ts'
import { announce } from '../model/notices.ts'
import { base, rememberedUser, rememberUser, sessionUser } from '../model/session.ts'
import { update } from '../model/store.ts'
import type { User } from '../model/types.ts'
import { t } from '../texts/texts.ts'
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
  rememberUser(user)
  await openCopy(user.id)
  update({ user, session: 'in' })
  void registerWorker()
  const current = await sessionUser().catch(() => user)
  if (!current || current.id !== user.id) return endSession()
  rememberUser(current)
  update({ user: current })
}

/** The service worker exists only on HTTPS and on this machine. */
async function registerWorker(): Promise<void> {
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return
  const registration = await navigator.serviceWorker.register(workerUrl(), { updateViaCache: 'none' })
  const offer = () => {
    const { waiting } = registration
    if (!waiting || !navigator.serviceWorker.controller) return
    const run = () => waiting.postMessage('activate')
    announce({ kind: 'update', text: t().newVersion, action: { label: t().reload, run } })
  }
  registration.addEventListener('updatefound', () => {
    registration.installing?.addEventListener('statechange', offer)
  })
  offer()
  const hadController = navigator.serviceWorker.controller !== null
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    if (hadController) location.reload()
  })
}

/** The policy of the page admits this one script URL. */
function workerUrl(): string {
  const url = `${base}sw.js`
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes }
  const policy = trustedTypes?.createPolicy('duly', { createScriptURL: () => url })
  // A TrustedScriptURL, which the types of the DOM do not know.
  return (policy?.createScriptURL(url) as string | undefined) ?? url
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): unknown }
}
