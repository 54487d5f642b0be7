import { auth } from '../model/session.ts'
import { useAnswer } from './form.tsx'

/** Whether the user has a password: who signed up with a provider has none. */
export function useHasPassword(): boolean {
  const [accounts] = useAnswer(() => auth<readonly { providerId: string }[]>('/list-accounts'))
  return accounts?.every(({ providerId }) => providerId !== 'credential') !== true
}
