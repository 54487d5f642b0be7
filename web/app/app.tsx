import { useEffect, useState } from 'preact/hooks'
import { useStore } from '../model/store.ts'
import { lazy } from '../parts/lazy.tsx'
import { Notices } from '../parts/notices.tsx'
import { TasksScreen } from '../tasks/tasks-screen.tsx'
import { loadTexts, t } from '../texts/texts.ts'
import { type Address, closeTask, go, useAddress } from './address.ts'
import { loadLater } from './load-later.ts'
import { useShortcuts } from './shortcuts.ts'
import { Sidebar } from './sidebar.tsx'
import { titleOf } from './titles.ts'
import { TopBar } from './top-bar.tsx'

const PasswordReminder = lazy(() => loadLater().then(it => it.PasswordReminder))
const SignIn = lazy(() => import('../sign-in/sign-in.tsx').then(it => it.SignIn))
const TaskPanel = lazy(() => import('../task/task-panel.tsx').then(it => it.TaskPanel))
const Trash = lazy(() => import('../trash/trash.tsx').then(it => it.Trash))
const Account = lazy(() => import('../account/account.tsx').then(it => it.Account))
const Waiting = lazy(() => import('../waiting/waiting.tsx').then(it => it.Waiting))
const Palette = lazy(() => import('../palette/palette.tsx').then(it => it.Palette))
const Shortcuts = lazy(() => import('../shortcuts/shortcuts-sheet.tsx').then(it => it.ShortcutsSheet))

export function App() {
  const session = useStore(state => state.session)
  const language = useStore(state => state.settings.language)
  const [, setShown] = useState(language)
  useEffect(() => {
    if (language === '') return
    localStorage.setItem('duly-language', language)
    void loadTexts(language).then(() => setShown(language))
  }, [language])
  return (
    <>
      {session === 'out' ? <SignIn /> : session === 'in' ? <Main /> : null}
      <Notices />
    </>
  )
}

function Main() {
  const address = useAddress()
  const isMadeUp = useStore(state => state.madeUpPassword !== undefined)
  const [overlay, setOverlay] = useState<'palette' | 'shortcuts' | 'menu' | undefined>()
  const close = () => setOverlay(undefined)
  useShortcuts(setOverlay)
  useEffect(() => {
    close()
    scrollTo({ top: 0, behavior: 'instant' })
  }, [address.view, address.list])
  useTitle(address)
  const { view, list } = address
  const isLoaded = useStore(from => from.isLoaded)
  useEffect(() => {
    // It loads all files of the app, which would delay the tasks.
    if (isLoaded)
      void loadLater()
        .then(it => it.registerWorker())
        .catch(() => undefined)
  }, [isLoaded])
  const isGone = useStore(from => from.isLoaded && view === 'list' && !from.lists.has(list ?? 0))
  useEffect(() => {
    if (isGone) go({ view: 'inbox' }, true)
  }, [isGone])
  return (
    <div class={`shell ${address.task === null ? '' : 'has-panel'}`}>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        {t().skip}
      </button>
      <TopBar
        address={address}
        openMenu={() => setOverlay('menu')}
        openPalette={() => setOverlay('palette')}
      />
      <Sidebar address={address} isOpen={overlay === 'menu'} close={close} />
      <main id="main" tabIndex={-1}>
        {isMadeUp ? <PasswordReminder /> : null}
        <Screen address={address} />
      </main>
      {address.task === null ? null : <TaskPanel id={address.task} close={closeTask} />}
      {overlay === 'palette' ? <Palette close={close} /> : null}
      {overlay === 'shortcuts' ? <Shortcuts close={close} /> : null}
    </div>
  )
}

function Screen({ address }: { readonly address: Address }) {
  switch (address.view) {
    case 'trash':
      return <Trash />
    case 'account':
      return <Account section={address.section} />
    case 'waiting':
      return <Waiting />
    default:
      return <TasksScreen address={address} />
  }
}

function useTitle(address: Address): void {
  const title = useStore(() => `${titleOf(address)} – Duly`)
  useEffect(() => {
    document.title = title
  }, [title])
}
