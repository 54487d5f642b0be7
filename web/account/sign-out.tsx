import { useState } from 'preact/hooks'
import { announce } from '../model/notices.ts'
import { send } from '../model/outbox.ts'
import { state, useStore } from '../model/store.ts'
import { Dialog } from '../parts/dialog.tsx'
import { t } from '../texts/texts.ts'
import { downloadWrites } from '../waiting/waiting.tsx'
import { signOut } from './leave.ts'

/** Signs out. With unsent writes, offers to send or download them first. */
export function SignOut() {
  const writes = useStore(from => from.writes)
  const [isAsking, setAsking] = useState(false)
  const end = () => signOut().catch(() => announce({ kind: 'error', text: t().needsNetwork }))
  const sendFirst = async () => {
    await send()
    if (state.writes.length === 0) await end()
    else announce({ kind: 'error', text: t().stillUnsent })
  }
  return (
    <>
      <button type="button" class="button" onClick={() => (writes.length > 0 ? setAsking(true) : end())}>
        {t().signOut}
      </button>
      {isAsking ? (
        <Dialog title={t().signOut} onClose={() => setAsking(false)}>
          <p>{t().unsent(writes.length)}</p>
          <div class="actions">
            <button type="button" class="button primary" onClick={sendFirst}>
              {t().sendAndSignOut}
            </button>
            <button type="button" class="button" onClick={() => downloadWrites(writes)}>
              {t().download}
            </button>
            <button type="button" class="button danger" onClick={end}>
              {t().discardAndSignOut}
            </button>
          </div>
        </Dialog>
      ) : null}
    </>
  )
}
