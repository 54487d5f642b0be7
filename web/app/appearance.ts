// The appearance of the app on this device. By default the system decides.

export const choices = {
  theme: ['system', 'light', 'dark'],
  density: ['comfortable', 'compact'],
  shortcuts: ['on', 'off'],
} as const

type Name = keyof typeof choices

export const chosen = (name: Name): string => localStorage.getItem(`duly-${name}`) ?? choices[name][0]

export function choose(name: Name, value: string): void {
  localStorage.setItem(`duly-${name}`, value)
  applyAppearance()
}

export function applyAppearance(): void {
  const { dataset } = document.documentElement
  dataset.theme = chosen('theme')
  dataset.density = chosen('density')
}
