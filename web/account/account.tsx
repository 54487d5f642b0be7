import { useEffect } from 'preact/hooks'
import { Import } from '../import/import.tsx'
import { useStore } from '../model/store.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'
import { Webhooks } from '../webhooks/webhooks.tsx'
import { Appearance } from './appearance.tsx'
import { DeleteAccount } from './delete-account.tsx'
import { Export } from './export.tsx'
import { Passkeys } from './passkeys.tsx'
import { Password } from './password.tsx'
import { Preferences } from './preferences.tsx'
import { Profile } from './profile.tsx'
import { Sessions } from './sessions.tsx'
import { SignOut } from './sign-out.tsx'
import { Tokens } from './tokens.tsx'
import { TwoFactorSetup } from './two-factor-setup.tsx'

const sections = {
  profile: Profile,
  preferences: Preferences,
  appearance: Appearance,
  password: Password,
  'two-factor': TwoFactorSetup,
  passkeys: Passkeys,
  sessions: Sessions,
  tokens: Tokens,
  webhooks: Webhooks,
  export: Export,
  import: Import,
  delete: DeleteAccount,
} as const

/** The user's account, in sections with their own URLs. */
export function Account({ section }: { readonly section: string }) {
  useStore(from => from.version)
  const user = useStore(from => from.user)
  useEffect(() => {
    if (section === '') return
    const card = document.getElementById(`section-${section}`)
    card?.scrollIntoView()
    card?.querySelector('input')?.focus({ preventScroll: true })
  }, [section])
  return (
    <section class="screen account">
      <header class="screen-head">
        <h1>{t().views.account}</h1>
        <SignOut />
      </header>
      <p class="quiet" dir="auto">
        {user?.name} · {user?.email}
      </p>
      {(Object.keys(sections) as (keyof typeof sections)[]).map(key => {
        const Section = sections[key]
        return (
          <section key={key} id={`section-${key}`} class="card" aria-labelledby={`title-${key}`}>
            <h2 id={`title-${key}`}>{tl().sections[key]}</h2>
            <Section />
          </section>
        )
      })}
    </section>
  )
}
