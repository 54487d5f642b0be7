import { auth } from '../model/session.ts'
import { useAnswer } from './form.tsx'

let asking: Promise<readonly { readonly providerId: string }[]> | undefined

/** Several sections need it at the same time. */
const readAccounts = () => {
  asking ??= auth<Awaited<NonNullable<typeof asking>>>('/list-accounts').finally(() => {
    asking = undefined
  })
  return asking
}

/** Whether the user has a password. A user who signed up with a provider has none. */
export function useHasPassword(): boolean {
  const [accounts] = useAnswer(readAccounts)
  return accounts?.every(({ providerId }) => providerId !== 'credential') !== true
}
