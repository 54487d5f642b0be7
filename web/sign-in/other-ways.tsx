import { useEffect } from 'preact/hooks'
import { auth, base } from '../model/session.ts'
import { tl } from '../texts/later-texts.ts'
import { enter, type FormProps, type SignInOptions } from './enter.ts'

const names = { github: 'GitHub', google: 'Google' }

/** Passkeys, and the providers of this server. */
export function OtherWays({ attempt, providers }: FormProps & Pick<SignInOptions, 'providers'>) {
  useEffect(() => {
    // A provider has returned the browser with an error.
    const error = new URLSearchParams(location.search).get('error')
    if (error !== null) {
      history.replaceState(null, '', base)
      void attempt(async () => {
        throw new Error(tl().providerFailed(error))
      })
    }
  }, [])
  const hasPasskeys = typeof PublicKeyCredential?.parseRequestOptionsFromJSON === 'function'
  const withProvider = (provider: 'github' | 'google') =>
    attempt(async () => {
      const callbackURL = new URL(base).pathname
      const { url } = await auth<{ url: string }>('/sign-in/social', {
        provider,
        callbackURL,
        errorCallbackURL: callbackURL,
      })
      location.assign(url)
    })
  if (!hasPasskeys && providers.length === 0) return null
  return (
    <div class="other-ways">
      {hasPasskeys ? (
        <button type="button" class="button" onClick={() => attempt(withPasskey)}>
          {tl().withPasskey}
        </button>
      ) : null}
      {providers.map(provider => (
        <button key={provider} type="button" class="button" onClick={() => withProvider(provider)}>
          {tl().withProvider(names[provider])}
        </button>
      ))}
    </div>
  )
}

async function withPasskey(): Promise<void> {
  const options = await auth<PublicKeyCredentialRequestOptionsJSON>('/passkey/generate-authenticate-options')
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  const credential = await navigator.credentials.get({ publicKey })
  if (!(credential instanceof PublicKeyCredential)) return
  await auth('/passkey/verify-authentication', { response: credential.toJSON() })
  await enter()
}
