import { update } from '../model/store.ts'

// "Try it now" generates a password, which stays on this device until the user has chosen one.

const storageKey = 'duly-first-password'

export const loadFirstPassword = (): void =>
  update({ madeUpPassword: localStorage.getItem(storageKey) ?? undefined })

export function keepFirstPassword(password: string): void {
  localStorage.setItem(storageKey, password)
  loadFirstPassword()
}

export function forgetFirstPassword(): void {
  localStorage.removeItem(storageKey)
  loadFirstPassword()
}
