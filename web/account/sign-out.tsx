import { useState } from 'preact/hooks'
import { go } from '../app/address.ts'
import { send } from '../model/copy.ts'
import { announce } from '../model/notices.ts'
import { state, useStore } from '../model/store.ts'
import { Dialog } from '../parts/dialog.tsx'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'
import { downloadWrites } from '../waiting/waiting.tsx'
import { signOut } from './leave.ts'

const end = () => signOut().catch(() => announce({ kind: 'error', text: tl().needsNetwork }))

/** Signs out. The user can set a first password before, and send or download unsent writes. */
export function SignOut() {
  const writes = useStore(from => from.writes.length)
  const isMadeUp = useStore(from => from.madeUpPassword !== undefined)
  const [isAsking, setAsking] = useState(false)
  const close = () => setAsking(false)
  return (
    <>
      <button type="button" class="button" onClick={() => (writes > 0 || isMadeUp ? setAsking(true) : end())}>
        {tl().signOut}
      </button>
      {isAsking ? (
        <Dialog title={tl().signOut} onClose={close}>
          {isMadeUp ? <FirstPassword close={close} /> : <Unsent />}
        </Dialog>
      ) : null}
    </>
  )
}

function FirstPassword({ close }: { readonly close: () => void }) {
  const choose = () => {
    close()
    go({ view: 'account', section: 'password' })
  }
  return (
    <>
      <p>{tl().noOneKnowsPassword}</p>
      <div class="actions">
        <button type="button" class="button primary" onClick={choose}>
          {t().choosePassword}
        </button>
        <button type="button" class="button danger" onClick={end}>
          {tl().signOutAnyway}
        </button>
      </div>
    </>
  )
}

function Unsent() {
  const writes = useStore(from => from.writes)
  const sendFirst = async () => {
    await send()
    if (state.writes.length === 0) await end()
    else announce({ kind: 'error', text: tl().stillUnsent })
  }
  return (
    <>
      <p>{tl().unsent(writes.length)}</p>
      <div class="actions">
        <button type="button" class="button primary" onClick={sendFirst}>
          {tl().sendAndSignOut}
        </button>
        <button type="button" class="button" onClick={() => downloadWrites(writes)}>
          {tl().download}
        </button>
        <button type="button" class="button danger" onClick={end}>
          {tl().discardAndSignOut}
        </button>
      </div>
    </>
  )
}
