import { announce } from '../model/notices.ts'
import { base } from '../model/session.ts'
import { t } from '../texts/texts.ts'

/** Browsers support service workers only on HTTPS and localhost. */
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

/** The policy of the page allows only this script URL. */
function workerUrl(): string {
  const url = `${base}sw.js`
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes }
  const policy = trustedTypes?.createPolicy('duly', { createScriptURL: () => url })
  // A TrustedScriptURL, which the DOM types lack.
  return (policy?.createScriptURL(url) as string | undefined) ?? url
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): unknown }
}
