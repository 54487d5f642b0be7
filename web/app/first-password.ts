import { update } from '../model/store.ts'

// "Try it now" makes up a password. It stays on this device until the user has chosen another.

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
