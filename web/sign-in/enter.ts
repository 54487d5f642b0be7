import { start } from '../app/start.ts'
import { rememberUser, sessionUser } from '../model/session.ts'
import { state } from '../model/store.ts'

export interface SignInOptions {
  readonly sign_up: boolean
  readonly confirms_email: boolean
  readonly providers: readonly ('github' | 'google')[]
  readonly try_it: boolean
}

export type Step = 'in' | 'up' | 'code' | 'forgot' | 'sent' | 'operator'

export interface FormProps {
  readonly attempt: (run: () => Promise<void>) => Promise<void>
  readonly go: (step: Step) => void
}

/** Shows the user's tasks after the session has started. */
export async function enter(): Promise<void> {
  const user = await sessionUser()
  if (!user) return
  // The page may still have the data of another user.
  if (!state.user) return start(user)
  rememberUser(user)
  location.reload()
}
