import { announce } from '../model/notices.ts'
import { base } from '../model/session.ts'
import { t } from '../texts/texts.ts'

/** The service worker exists only on HTTPS and on this machine. */
export async function registerWorker(): Promise<void> {
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
